import { expect, it } from "vitest";
import { machineAdvice, mismatchWords } from "./machine-advice.js";

const score = { rank: 3, able: 4, total_ms: 3_000, best_ms: 250, term: "prefill", term_ms: 2_500 };

it("says of each model what stops it and what would change that, or who goes before it", () => {
  expect(
    machineAdvice([
      { model: "m", gates: ["no_headroom", "tools"] },
      { model: "n", gates: [], score: { ...score, rank: 1 } },
      { model: "o", gates: [], score },
      { model: "p", gates: [], score: { ...score, rank: 2, term: "phase_of_moon" } },
      { model: "q", gates: ["phase_of_moon"] },
      { model: "r", gates: [] },
    ]),
  ).toEqual([
    "m: it is full. It opens when something that runs there ends.",
    "n: nothing is against it, and of 4 it is the first choice.",
    "o: it could serve, and 2 of 4 go before it: its score is 3.0 s, the best is 0.25 s; most of the difference is for reading the prompt (2.5 s more).",
    "p: it could serve, and 1 of 4 goes before it: its score is 3.0 s, the best is 0.25 s.",
    "q: it is stopped by phase_of_moon, which a newer program than this one can explain.",
    "r: nothing is against it.",
  ]);
  expect(machineAdvice([])).toEqual(["It offers no model. Its owner has to offer one."]);
});

it("says what the operator does not list", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  expect(
    (
      [
        { component: "version", expected: [">=1.2.0"], actual: "0.1.0" },
        { component: "binary", expected: [a, b] },
        { component: "weights", model: "m", expected: [a], actual: b },
        { component: "template", model: "m", expected: [a], actual: b },
      ] as const
    ).map((each) => mismatchWords({ ...each, expected: [...each.expected] })),
  ).toEqual([
    "It runs version 0.1.0, and the operator asks for at least 1.2.0.",
    "Its program has no hash here, and the operator lists aaaaaaaaaaaa, bbbbbbbbbbbb.",
    "The weights of m have the hash bbbbbbbbbbbb here, and the operator lists aaaaaaaaaaaa.",
    "The chat template of m has the hash bbbbbbbbbbbb here, and the operator lists aaaaaaaaaaaa.",
  ]);
});
