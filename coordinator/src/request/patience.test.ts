import { expect, it } from "vitest";
import { patienceOf } from "./patience.js";

const OPERATOR = { patienceMs: 600_000 };
const ALIAS = { desired: "m", previous: undefined, patienceMs: 20_000 };

it("is as long as the consumer asks, else as the alias says, else as the operator does", () => {
  expect(patienceOf({ patienceMs: 900_000 }, ALIAS, OPERATOR)).toBe(900_000);
  expect(patienceOf({}, ALIAS, OPERATOR)).toBe(20_000);
  expect(patienceOf({}, { ...ALIAS, patienceMs: undefined }, OPERATOR)).toBe(600_000);
  expect(patienceOf({}, undefined, OPERATOR)).toBe(600_000);
});

it("is no longer than the consumer's program stays, and no longer for it", () => {
  expect(patienceOf({ patienceMs: 900_000, hangsUpAfterMs: 600_000 }, undefined, OPERATOR)).toBe(600_000);
  expect(patienceOf({ hangsUpAfterMs: 600_000 }, ALIAS, OPERATOR)).toBe(20_000);
  expect(patienceOf({ hangsUpAfterMs: 900_000 }, undefined, OPERATOR)).toBe(600_000);
  expect(patienceOf({ hangsUpAfterMs: 500 }, ALIAS, OPERATOR)).toBe(500);
});
