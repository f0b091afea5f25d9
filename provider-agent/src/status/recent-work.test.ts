import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { RecentWork } from "./recent-work.js";

it("adds up what was told in the last five minutes, and forgets what is older", () => {
  const clock = new FakeClock();
  const work = new RecentWork(clock);
  expect(work.sums()).toBeUndefined();
  work.add({ picked: 1, lost: 0, rejected: { vision: 1 } });
  clock.advance(30_000);
  work.add({ picked: 0, lost: 2, rejected: { vision: 2, free_memory: 1 } });
  expect(work.sums()).toEqual({ window_ms: 300_000, picked: 1, lost: 2, rejected: { vision: 3, free_memory: 1 } });
  clock.advance(200_000);
  work.add({ picked: 4, lost: 0, rejected: {} });
  clock.advance(71_000);
  expect(work.sums()).toEqual({ window_ms: 300_000, picked: 4, lost: 0, rejected: {} });
  clock.advance(300_000);
  expect(work.sums()).toBeUndefined();
});
