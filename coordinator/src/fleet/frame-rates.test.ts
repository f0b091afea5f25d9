import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { FrameRates } from "./frame-rates.js";

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
