import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { figuresOf, type SizeSamples, spreadOf } from "./figures.js";
import type { RunSample } from "./measure-run.js";

const timed = (readTokens: number, firstTokenMs: number): RunSample => ({
  promptTokens: readTokens,
  readTokens,
  firstTokenMs,
});

const sized = (size: number, ...samples: readonly RunSample[]): SizeSamples => ({ size, samples });

describe("prefill from the times to the first token", () => {
  it("is free of the overhead, whatever that and the sizes are", () => {
    const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
    fc.assert(
      fc.property(
        whole(0, 5_000),
        whole(5, 50_000),
        whole(1, 500),
        whole(40, 8_000),
        (overheadMs, tps, small, more) => {
          const run = (tokens: number): RunSample => timed(tokens, overheadMs + (tokens / tps) * 1_000);
          const large = small + more;
          const { prefillTps } = figuresOf([sized(small, run(small), run(small)), sized(large, run(large))]);
          expect(prefillTps?.median).toBeCloseTo(tps, 3);
        },
      ),
    );
  });

  it("is a lower bound where one size was measured", () => {
    const { prefillTps } = figuresOf([sized(64), sized(512, timed(500, 350)), sized(2_048)]);
    expect(prefillTps).toEqual({
      median: (500 / 350) * 1_000,
      min: (500 / 350) * 1_000,
      max: (500 / 350) * 1_000,
      runs: 1,
    });
  });

  it("takes no rate from a large prompt that was no slower than a small one once was", () => {
    const small = sized(64, timed(64, 100), timed(64, 100), timed(64, 180));
    expect(figuresOf([small, sized(512, timed(512, 180), timed(512, 90))])).not.toHaveProperty("prefillTps");
    const { prefillTps } = figuresOf([small, sized(512, timed(512, 180), timed(512, 212))]);
    expect(prefillTps).toMatchObject({ median: 4_000, runs: 1 });
  });

  it("takes no rate from two prompts of nearly one size", () => {
    expect(figuresOf([sized(64, timed(64, 100)), sized(80, timed(80, 200))])).not.toHaveProperty("prefillTps");
  });

  it("comes behind what the server measured, with the largest prompts that it measured", () => {
    const reported = (prefillTps: number): RunSample => ({ ...timed(64, 100), prefillTps });
    const sizes = [
      sized(64, reported(900)),
      sized(512, reported(1_500), reported(1_700)),
      sized(2_048, timed(2_048, 400)),
    ];
    expect(figuresOf(sizes).prefillTps).toEqual({ median: 1_600, min: 1_500, max: 1_700, runs: 2 });
  });

  it("is not known without the number of tokens", () => {
    const untold = { firstTokenMs: 100 };
    expect(figuresOf([sized(64, untold), sized(512, untold)])).toEqual({
      firstToken: [
        { promptTokens: 64, ms: { median: 100, min: 100, max: 100, runs: 1 } },
        { promptTokens: 512, ms: { median: 100, min: 100, max: 100, runs: 1 } },
      ],
    });
  });
});

describe("a spread", () => {
  it("has the middle value, or the mean of the two in the middle", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, runs: 3 });
    expect(spreadOf([40, 10, 20, 30])).toEqual({ median: 25, min: 10, max: 40, runs: 4 });
    expect(spreadOf([])).toBeUndefined();
  });

  it("lies within its bounds, whatever order the values come in", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, (all) => {
        const spread = spreadOf(all);
        expect(spread).toEqual(spreadOf(all.toReversed()));
        expect(spread?.median).toBeGreaterThanOrEqual(spread?.min ?? Number.NaN);
        expect(spread?.median).toBeLessThanOrEqual(spread?.max ?? Number.NaN);
        expect(all.filter((value) => value <= (spread?.median ?? 0)).length).toBeGreaterThanOrEqual(all.length / 2);
      }),
    );
  });
});
