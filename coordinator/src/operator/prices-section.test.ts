import { describe, expect, it } from "vitest";
import { PRICES, pricesOf } from "./prices-section.js";

const problems = (given: unknown): readonly string[] =>
  (PRICES.safeParse(given).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("the operator's prices", () => {
  it("are none where the file has none", () => {
    expect(pricesOf(PRICES.parse(undefined))).toMatchObject({ default: [], models: new Map() });
  });

  it("hold since ever, since the beginning of a day in UTC, or since a time", () => {
    const { default: read, models } = pricesOf(
      PRICES.parse({
        default: [{ input: 100_000, output: 400_000, cached_input: 10_000 }],
        models: {
          "org/m": [
            { from: "2026-08-01", input: 1, output: 2 },
            { from: "2026-08-01T12:00:00+02:00", input: 3, output: 4 },
          ],
        },
      }),
    );
    expect(read).toEqual([{ fromMs: 0, input: 100_000n, output: 400_000n, cachedInput: 10_000n }]);
    expect(models.get("org/m")).toEqual([
      { fromMs: Date.UTC(2026, 7, 1), input: 1n, output: 2n, cachedInput: 1n },
      { fromMs: Date.UTC(2026, 7, 1, 10), input: 3n, output: 4n, cachedInput: 3n },
    ]);
  });

  it.each([
    ["an amount that is not whole", { default: [{ input: 0.5, output: 1 }] }, "default.0.input"],
    ["one below nothing", { default: [{ input: 1, output: -1 }] }, "default.0.output"],
    ["one over a dollar a token", { default: [{ input: 1e12 + 1, output: 1 }] }, "default.0.input"],
    ["an amount in words", { default: [{ input: "100", output: 1 }] }, "default.0.input"],
    ["half a price", { models: { m: [{ input: 1 }] } }, "models.m.0.output"],
    ["a day that is none", { models: { m: [{ from: "2026-02-30", input: 1, output: 1 }] } }, "models.m.0.from"],
    ["a time without a zone", { default: [{ from: "2026-02-03T04:05:06", input: 1, output: 1 }] }, "default.0.from"],
    [
      "two prices from one moment",
      {
        default: [
          { from: "2026-08-01", input: 1, output: 1 },
          { from: "2026-08-01T00:00:00Z", input: 2, output: 2 },
        ],
      },
      "default.1.from: occurs twice",
    ],
    ["more dates than anybody means", { default: Array(101).fill({ input: 1, output: 1 }) }, "default"],
    ["a member that is none", { per_request: 1 }, "per_request"],
  ])("do not have %s", (_name, given, problem) => {
    expect(problems(given).join("\n")).toContain(problem);
  });
});
