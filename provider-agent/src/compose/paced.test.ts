import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { Paced } from "./paced.js";
import { HEARTBEAT_PAUSE_MS, MODELS_PAUSE_MS } from "./speaker.js";

it("says the first change at once, the others together, and the last one always", () => {
  const clock = new FakeClock();
  let value = 0;
  const said: number[] = [];
  using paced = new Paced({ clock, pauseMs: 100, say: () => said.push(value) });
  for (value = 1; value <= 50; value++) paced.changed();
  expect(said).toEqual([1]);
  clock.advance(100);
  expect(said).toEqual([1, 51]);
  clock.advance(1_000);
  expect(said).toEqual([1, 51]);
});

it("stays below what the coordinator allows a minute, whatever changes", () => {
  expect(60_000 / MODELS_PAUSE_MS).toBeLessThan(LIMITS.modelsUpdatesPerMinute);
  const regular = 60_000 / LIMITS.heartbeatIntervalMs;
  expect(60_000 / HEARTBEAT_PAUSE_MS + 60_000 / MODELS_PAUSE_MS + regular).toBeLessThan(LIMITS.heartbeatsPerMinute);
});
