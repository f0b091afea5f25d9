import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { Pacer } from "./pacer.js";
import { HEARTBEAT_PAUSE_MS, MODELS_PAUSE_MS } from "./status-publisher.js";

it("publishes the first change at once, the others together, and the last one always", () => {
  const clock = new FakeClock();
  let value = 0;
  const published: number[] = [];
  using pacer = new Pacer(clock, 100, () => published.push(value));
  for (value = 1; value <= 50; value++) pacer.changed();
  expect(published).toEqual([1]);
  clock.advance(100);
  expect(published).toEqual([1, 51]);
  clock.advance(1_000);
  expect(published).toEqual([1, 51]);
});

it("stays below what the coordinator allows a minute, whatever changes", () => {
  expect(60_000 / MODELS_PAUSE_MS).toBeLessThan(LIMITS.modelsUpdatesPerMinute);
  const regular = 60_000 / LIMITS.heartbeatIntervalMs;
  expect(60_000 / HEARTBEAT_PAUSE_MS + 60_000 / MODELS_PAUSE_MS + regular).toBeLessThan(LIMITS.heartbeatsPerMinute);
});
