import { expect, it } from "vitest";
import type { ExplainedModel } from "../../selection/explain.js";
import { machineAdvice } from "./machine-advice.js";

const model = (given: Partial<ExplainedModel>): ExplainedModel =>
  ({
    model: "m",
    gates: [],
    total: 3_000,
    terms: { prefill: 2_500, decode: 500 },
    able: 3,
    bestTotal: 1_000,
    ...given,
  }) as unknown as ExplainedModel;

it("says of each model what stops it and what would change that, or who goes before it", () => {
  expect(
    machineAdvice([
      model({ gates: ["no_headroom", "tools"] }),
      model({ model: "n", rank: 1 }),
      model({ model: "o", rank: 3 }),
    ]),
  ).toEqual([
    "m: it is full. It opens when something that runs there ends.",
    "n: nothing is against it, and of 3 it is the first choice.",
    "o: it could serve, and 2 of 3 go before it: its score is 3.0 s, most of it for reading the prompt (2.5 s); the best is 1.0 s.",
  ]);
  expect(machineAdvice([])).toEqual(["It offers no model. Its owner has to offer one."]);
});
