import { describe, expect, it } from "vitest";
import { WorkTally } from "./work-tally.js";

const FIRST = { isFirst: true, winner: undefined };

it("tells only what has happened, and each of it once", () => {
  const tally = new WorkTally();
  tally.picked();
  tally.rejected("vision", FIRST);
  tally.rejected("vision", FIRST);
  tally.rejected("free_memory", FIRST);
  expect(tally.take()).toEqual({ picked: 1, lost: 0, rejected: { vision: 2, free_memory: 1 } });
  expect(tally.take()).toEqual({ picked: 0, lost: 0, rejected: {} });
});

describe("of what was looked for", () => {
  const looks = (first: number, contests: number) => ({ first, contests });

  it("it has lost the contests for its models that it has not won, and that nothing kept it from", () => {
    const [all, own] = [looks(10, 10), looks(4, 4)];
    const tally = new WorkTally();
    tally.follow(all, [own]);
    own.contests += 5;
    tally.won();
    tally.rejected("tools", { isFirst: true, winner: "x" as never });
    tally.rejected("no_headroom", { isFirst: false, winner: "x" as never });
    // Nobody was found: that is no contest.
    tally.rejected("no_headroom", FIRST);
    expect(tally.take()).toEqual({ picked: 0, lost: 2, rejected: { tools: 1, no_headroom: 1 } });
    own.contests += 1;
    expect(tally.take()).toMatchObject({ lost: 1 });
  });

  it("the first looks for other models than its own were not for it", () => {
    const [all, one, two] = [looks(10, 0), looks(4, 0), looks(1, 0)];
    const tally = new WorkTally();
    tally.follow(all, [one, two]);
    all.first += 6;
    one.first += 2;
    two.first += 1;
    expect(tally.take()).toEqual({ picked: 0, lost: 0, rejected: { not_serving_model: 3 } });
    expect(tally.take()).toEqual({ picked: 0, lost: 0, rejected: {} });
  });

  it("what came before it served other models counts by those that it served then", () => {
    const [all, one, two] = [looks(0, 0), looks(0, 0), looks(7, 7)];
    const tally = new WorkTally();
    tally.follow(all, [one]);
    Object.assign(all, looks(3, 0));
    Object.assign(one, looks(2, 2));
    tally.follow(all, [two]);
    Object.assign(all, looks(5, 0));
    Object.assign(two, looks(8, 8));
    expect(tally.take()).toEqual({ picked: 0, lost: 3, rejected: { not_serving_model: 2 } });
  });
});
