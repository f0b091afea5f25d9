import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { FrameRates, type RatedKind } from "./frame-rates.js";

it("allows a minute's worth at once and then as many as the minute brings", () => {
  const clock = new FakeClock();
  const rates = new FrameRates(clock);
  const allowed = (): number => {
    let n = 0;
    while (rates.allows("models_update")) n += 1;
    return n;
  };
  expect(allowed()).toBe(LIMITS.modelsUpdatesPerMinute);
  clock.advance(30_000);
  expect(allowed()).toBe(LIMITS.modelsUpdatesPerMinute / 2);
  clock.advance(600_000);
  expect(allowed()).toBe(LIMITS.modelsUpdatesPerMinute);
  expect(rates.allows("heartbeat")).toBe(true);
});

it("counts every kind by itself, each with its own limit", () => {
  const rates = new FrameRates(new FakeClock());
  const kinds = {
    heartbeat: LIMITS.heartbeatsPerMinute,
    models_update: LIMITS.modelsUpdatesPerMinute,
    key_update: LIMITS.keyUpdatesPerMinute,
    challenge_response: LIMITS.challengeResponsesPerMinute,
    working: LIMITS.workingPerMinute,
    receipt: LIMITS.receiptsPerMinute,
    other: LIMITS.otherFramesPerMinute,
  } satisfies Record<RatedKind, number>;
  for (const [kind, perMinute] of Object.entries(kinds) as [RatedKind, number][]) {
    for (let n = 0; n < perMinute; n++) expect(rates.allows(kind)).toBe(true);
    expect(rates.allows(kind)).toBe(false);
  }
});
