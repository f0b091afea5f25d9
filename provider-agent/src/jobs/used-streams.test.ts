import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REMEMBERED_RANGES, UsedStreams } from "./used-streams.js";

describe("the streams that were used", () => {
  it("are known from those that were not, in whatever order they came", () => {
    const ids = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 100 });
    fc.assert(
      fc.property(ids, (streams) => {
        const used = new UsedStreams();
        const model = new Set<number>();
        for (const stream of streams) {
          expect(used.add(stream)).toBe(!model.has(stream));
          model.add(stream);
        }
        for (let stream = 1; stream <= 60; stream++) expect(used.has(stream)).toBe(model.has(stream));
      }),
    );
  });

  it("are never forgotten where ids are given in turn", () => {
    const used = new UsedStreams();
    for (let stream = 1; stream <= 1_000_000; stream++) used.add(stream);
    expect(used.has(1)).toBe(true);
    expect(used.add(500_000)).toBe(false);
    expect(used.add(1_000_001)).toBe(true);
  });

  it("are forgotten, the lowest first, where no two are neighbours and there are too many", () => {
    const used = new UsedStreams();
    for (let i = 1; i <= REMEMBERED_RANGES + 1; i++) used.add(2 * i);
    expect(used.has(2)).toBe(false);
    expect(used.has(4)).toBe(true);
    expect(used.has(2 * REMEMBERED_RANGES + 2)).toBe(true);
  });
});
