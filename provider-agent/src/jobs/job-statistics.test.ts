import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { JobStatistics } from "./job-statistics.js";
import { JobTimer } from "./job-timer.js";

const usage = (prompt: number, completion: number) => ({ prompt_tokens: prompt, completion_tokens: completion });
const read = (tokens: number, ms: number) => ({ prefill: { tokens, ms } });

describe("the statistics of jobs", () => {
  it("know rates of each model, where newer ones count for more than older ones", () => {
    const statistics = new JobStatistics();
    expect(statistics.rates("m")).toEqual({});
    statistics.record("m", "served", usage(1_000, 101), { ...read(500, 1_000), decodeMs: 2_000 });
    expect(statistics.rates("m")).toEqual({ prefillTps: 500, decodeTps: 50 });
    statistics.record("m", "served", usage(1_000, 101), { ...read(1_000, 1_000), decodeMs: 1_000 });
    expect(statistics.rates("m")).toEqual({ prefillTps: 600, decodeTps: 60 });
    expect(statistics.rates("n")).toEqual({});
  });

  it("take no rate from what is too short, or was not timed", () => {
    const statistics = new JobStatistics();
    statistics.record("m", "served", usage(5, 3), { ...read(5, 1), decodeMs: 1 });
    statistics.record("m", "served", usage(500, 3), read(5, 1));
    statistics.record("m", "served", usage(500, 300));
    statistics.record("m", "served", usage(500, 300), { ...read(500, 0), decodeMs: 0 });
    expect(statistics.rates("m")).toEqual({});
  });

  it("count every end, and the tokens of all", () => {
    const statistics = new JobStatistics();
    for (const outcome of ["served", "failed", "cancelled"] as const) statistics.record("m", outcome, usage(10, 2));
    expect(statistics.snapshot()).toEqual({
      served: 1,
      failed: 1,
      cancelled: 1,
      promptTokens: 30,
      completionTokens: 6,
      models: { m: { served: 1, promptTokens: 30, completionTokens: 6 } },
    });
  });

  it("forget the model that was used least recently rather than grow for ever", () => {
    const statistics = new JobStatistics();
    for (let i = 0; i <= LIMITS.modelsPerProvider; i++) statistics.record(`m${i}`, "served", usage(1, 1));
    const models = Object.keys(statistics.snapshot().models);
    expect(models).toHaveLength(LIMITS.modelsPerProvider);
    expect(models).not.toContain("m0");
  });
});

describe("the timer of a job", () => {
  it("tells how long the prompt and the answer took, but for what was not the backend's pace", () => {
    const clock = new FakeClock();
    const timer = new JobTimer(clock);
    expect([timer.prefillMs, timer.decodeMs]).toEqual([undefined, undefined]);
    timer.called();
    clock.advance(300);
    timer.content();
    clock.advance(700);
    timer.content();
    expect([timer.prefillMs, timer.decodeMs]).toEqual([300, 700]);
    timer.loading();
    expect([timer.prefillMs, timer.decodeMs]).toEqual([undefined, 700]);
  });
});
