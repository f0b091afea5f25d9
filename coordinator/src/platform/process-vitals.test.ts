import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { ProcessVitals } from "./process-vitals.js";

const BLOCKED_MS = 300;

it("sees that the event loop was held up, and how much of the heap is used", async () => {
  using vitals = new ProcessVitals();
  // The first look is what the others are measured from.
  await pause(60);
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
  await pause(60);
  expect(vitals.read().worstLagMs).toBe(0);
  vitals.turn();
  const { lagMs, worstLagMs, heapShare } = vitals.read();
  expect(worstLagMs).toBeGreaterThan(BLOCKED_MS / 2);
  expect(lagMs).toBeLessThanOrEqual(worstLagMs);
  expect(heapShare).toBeGreaterThan(0);
  expect(heapShare).toBeLessThan(1);
});
