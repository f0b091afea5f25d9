import { expect, it } from "vitest";
import { utcDayOf, utcWeekOf } from "./utc-days.js";

it.each([
  ["1970-01-01T00:00:00.000Z", "1970-01-01", "1969-12-29"],
  ["2026-01-04T23:59:59.999Z", "2026-01-04", "2025-12-29"],
  ["2026-01-05T00:00:00.000Z", "2026-01-05", "2026-01-05"],
  ["2026-01-11T12:00:00.000Z", "2026-01-11", "2026-01-05"],
])("begins the day and the week of %s on %s and on Monday, %s", (time, day, monday) => {
  expect(new Date(utcDayOf(Date.parse(time))).toISOString()).toBe(`${day}T00:00:00.000Z`);
  expect(new Date(utcWeekOf(Date.parse(time))).toISOString()).toBe(`${monday}T00:00:00.000Z`);
});
