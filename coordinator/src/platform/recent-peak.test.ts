import { expect, it } from "vitest";
import { RecentPeak } from "./recent-peak.js";

it("is the highest within the span, and forgets what is older", () => {
  const peak = new RecentPeak(60, 6);
  expect(peak.value).toBe(0);
  peak.note(3, 0);
  peak.note(9, 5);
  peak.note(4, 12);
  expect(peak.value).toBe(9);
  peak.note(1, 59);
  expect(peak.value).toBe(9);
  peak.note(2, 61);
  expect(peak.value).toBe(4);
  peak.note(2, 200);
  expect(peak.value).toBe(2);
});

it("keeps no more than its parts, however many numbers come", () => {
  const peak = new RecentPeak(60, 6);
  for (let now = 0; now < 1_000; now++) peak.note(now % 7, now);
  expect(peak.value).toBe(6);
});
