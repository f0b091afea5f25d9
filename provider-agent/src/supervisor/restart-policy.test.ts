import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../platform/agent-error.js";
import { RESTART_LIMITS, RestartPolicy } from "./restart-policy.js";

const KILLED = { code: null, signal: "SIGKILL" } as const;
const CRASHED = { code: 1, signal: null } as const;

describe("the restart policy", () => {
  it("restarts after growing delays, and gives up at the sixth crash within ten minutes", () => {
    const policy = new RestartPolicy();
    let nowMs = 0;
    const verdicts = Array.from({ length: 6 }, () => {
      const startedAtMs = nowMs;
      nowMs += 100;
      const verdict = policy.decide({ ...KILLED, startedAtMs, nowMs });
      if (verdict.type === "restart") nowMs += verdict.delayMs;
      return verdict.type === "restart" ? verdict.delayMs : verdict.type;
    });
    expect(verdicts).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, "crash_loop"]);
  });

  it("goes on for ever when crashes are rare, and starts small again after a worker that was well", () => {
    const policy = new RestartPolicy();
    for (let i = 0; i < 50; i++) {
      const nowMs = (i + 1) * 150_000;
      const verdict = policy.decide({ ...CRASHED, startedAtMs: nowMs - RESTART_LIMITS.stableMs, nowMs });
      expect(verdict).toMatchObject({ type: "restart", delayMs: 1_000 });
    }
  });

  it("waits for at most thirty seconds", () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 10 }, (_, i) => {
      const nowMs = i * 150_000;
      return policy.decide({ ...CRASHED, startedAtMs: nowMs - 10, nowMs });
    });
    expect(delays.at(-1)).toMatchObject({ delayMs: 30_000 });
  });

  it("leaves alone what would come again, and what was wanted", () => {
    for (const [name, code] of Object.entries(EXIT_CODES)) {
      const verdict = new RestartPolicy().decide({ code, signal: null, startedAtMs: 0, nowMs: 1 });
      expect(verdict.type, name).toBe(name === "internal" ? "restart" : "done");
    }
    const stopped = new RestartPolicy().decide({ code: 0, signal: null, startedAtMs: 0, nowMs: 1 });
    expect(stopped).toEqual({ type: "done", exitCode: 0 });
  });

  it("never restarts more than five times in any ten minutes, however crashes come", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 100 }), (uptimes) => {
        const policy = new RestartPolicy();
        const restarts: number[] = [];
        let nowMs = 0;
        for (const uptimeMs of uptimes) {
          const startedAtMs = nowMs;
          nowMs += uptimeMs;
          const verdict = policy.decide({ ...CRASHED, startedAtMs, nowMs });
          if (verdict.type !== "restart") break;
          restarts.push(nowMs);
          nowMs += verdict.delayMs;
        }
        for (const at of restarts) {
          const within = restarts.filter((other) => other >= at && other - at < RESTART_LIMITS.windowMs);
          expect(within.length).toBeLessThanOrEqual(RESTART_LIMITS.maxRestarts);
        }
      }),
    );
  });
});
