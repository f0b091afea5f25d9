import { expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.js";

it.each([
  ["90s", 90_000, "1 min 30 s"],
  ["45m", 2_700_000, "45 min"],
  ["2h", 7_200_000, "2 h"],
  ["1h30m", 5_400_000, "1 h 30 min"],
  ["1.5h", 5_400_000, "1 h 30 min"],
  ["1d", 86_400_000, "1 d"],
])("reads %s and says it again", (text, ms, said) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(said);
});

it.each(["", "2", "h", "-2h", "0h", "2x", "2h!", "400d", "1e9d"])("refuses %j", (text) => {
  expect(() => parseDuration(text)).toThrow("is no length of time");
});

it("says nothing as no seconds", () => {
  expect(formatDuration(400)).toBe("0 s");
  expect(formatDuration(-5)).toBe("0 s");
});
