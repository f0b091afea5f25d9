import { expect, it } from "vitest";
import { WorkTally } from "./work-tally.js";

it("tells only what has happened, and each of it once", () => {
  const tally = new WorkTally();
  tally.picked();
  tally.lost();
  tally.lost();
  tally.rejected("vision");
  tally.rejected("vision");
  tally.rejected("free_memory");
  expect(tally.take()).toEqual({ picked: 1, lost: 2, rejected: { vision: 2, free_memory: 1 } });
  expect(tally.take()).toEqual({ picked: 0, lost: 0, rejected: {} });
});
