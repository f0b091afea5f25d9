import { DEFAULT_POLICY } from "@hearth/coordinator";
import { startTestCoordinator } from "../scripted/test-coordinator.js";

// A coordinator in a process of its own that can be stopped and continued, with deadlines shorter than such a pause.
const { url } = await startTestCoordinator({
  policy: { ...DEFAULT_POLICY, ttftBaseMs: 2_500, contentGapMs: 2_500 },
});
process.stdout.write(`${JSON.stringify({ msg: "listening", url })}\n`);
