import { expect, it } from "vitest";
import { earningsOf } from "./earnings-of.js";

/** A Sunday evening. */
const AS_OF = Date.parse("2026-01-11T23:00:00.000Z");
const told = { today_micro_usd: 1, week_micro_usd: 2, total_micro_usd: 3, as_of: AS_OF };

it("takes what was earned on a day that is over for nobody's earnings of today", () => {
  const shown = { ...told, as_of: "2026-01-11T23:00:00.000Z" };
  expect(earningsOf(told, AS_OF + 3_599_999)).toEqual(shown);
  // A clock that is behind the coordinator's.
  expect(earningsOf(told, AS_OF - 86_400_000)).toEqual(shown);
  expect(earningsOf(told, AS_OF + 3_600_000)).toEqual({ ...shown, today_micro_usd: null, week_micro_usd: null });
  const saturday = { ...told, as_of: AS_OF - 86_400_000 };
  expect(earningsOf(saturday, AS_OF)).toMatchObject({ today_micro_usd: null, week_micro_usd: 2 });
});
