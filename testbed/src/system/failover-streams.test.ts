import { DEFAULT_POLICY, type PolicySettings } from "@hearth/coordinator";
import { afterEach, describe, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// A backend that has begun to answer and then holds something back, through a real coordinator and real sockets.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

/** A hundredth of what they are: 450 ms without a sign end a stream, six seconds of signs alone as well. */
const SCALED: PolicySettings = { ...DEFAULT_POLICY, contentGapMs: 450, signsAloneMs: 6_000 };
/** A third of the gap: a backend that says every fifteen seconds that it is there. */
const SIGN_EVERY_MS = 150;
/** Three gaps. */
const SIGNS = 9;

const ask = { model: "m", stream: true, messages: [{ role: "user", content: "hi" }] };

type Sign = (stream: ScriptedStream, counter: number) => void;

/** Begins, gives so many signs and nothing else, and ends. */
async function heldBack(s: ScriptedStream, signs: number, sign: Sign): Promise<void> {
  s.role();
  s.content("Let me look that up.");
  for (let counter = 1; counter <= signs; counter++) {
    if (!(await s.takes(SIGN_EVERY_MS))) return;
    sign(s, counter);
  }
  s.finish();
  s.end();
}

const SIGNS_OF_LIFE: readonly (readonly [string, Sign])[] = [
  ["comments", (s): void => s.raw(": still generating a tool call\n\n")],
  ["comments with a counter", (s, counter): void => s.raw(`: keepalive ${counter}/100\n\n`)],
  ["tokens that it holds back", (s, counter): void => s.working("generating", counter)],
  ["a server that is at work", (s, counter): void => s.working("generating", counter, "server")],
];

describe("a tool call that is held back for three times the gap", () => {
  it.each(SIGNS_OF_LIFE)("arrives while there are signs of life: %s", async (_what, sign) => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const provider = await hearth.provider((s) => heldBack(s, SIGNS, sign));
    const got = await readStream(await hearth.chat(ask));
    expect(got).toMatchObject({ status: 200, content: "Let me look that up.", errors: [], done: 1 });
    expect(provider.streams[0]?.cancelReason).toBeUndefined();
  });

  it.each([
    ["nothing at all", (): void => {}],
    ["the same count again and again", (s: ScriptedStream): void => s.working("generating", 7)],
  ])("ends as stream_timeout behind %s", async (_what, sign) => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const provider = await hearth.provider((s) => heldBack(s, 60, sign));
    const got = await readStream(await hearth.chat(ask));
    expect(got).toMatchObject({ status: 200, content: "Let me look that up.", done: 1 });
    expect(got.errors).toEqual([expect.objectContaining({ code: "stream_timeout" })]);
    expect(got.text).not.toContain('"finish_reason":"stop"');
    expect(await provider.streams[0]?.cancelled).toBe("stalled");
  });

  it.each(SIGNS_OF_LIFE)("ends as stream_timeout when there is nothing but %s for too long", async (_what, sign) => {
    hearth = await startTestCoordinator({ policy: { ...SCALED, signsAloneMs: 900 } });
    const provider = await hearth.provider((s) => heldBack(s, 60, sign));
    const startedAt = performance.now();
    const got = await readStream(await hearth.chat(ask));
    expect(got.errors).toEqual([expect.objectContaining({ code: "stream_timeout" })]);
    expect(performance.now() - startedAt).toBeGreaterThan(890);
    expect(await provider.streams[0]?.cancelled).toBe("stalled");
  });
});

describe("a tool call that is held back before anything else was said", () => {
  it.each([true, false])("is waited for while its tokens are counted (stream: %s)", async (stream) => {
    hearth = await startTestCoordinator({
      policy: { ...SCALED, ttftBaseMs: 100, signExtensionMs: 450, patienceMs: 1_000 },
    });
    const provider = await hearth.provider(async (s) => {
      for (let counter = 1; await s.takes(SIGN_EVERY_MS); counter++) {
        s.working("generating", counter);
        if (counter > SIGNS) return s.answer("called");
      }
    });
    const response = await hearth.chat({ ...ask, stream });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("called");
    expect(provider.streams).toHaveLength(1);
  });
});
