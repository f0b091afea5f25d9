import { expect, it } from "vitest";
import { parseWindow } from "./availability-window.js";

it.each([
  ["mon-fri 22:00-07:00", { days: [1, 2, 3, 4, 5], fromMinute: 1320, untilMinute: 420 }],
  ["SAT,sun 0:00 - 24:00", { days: [0, 6], fromMinute: 0, untilMinute: 1440 }],
  ["fri-mon 9:30-10:00", { days: [0, 1, 5, 6], fromMinute: 570, untilMinute: 600 }],
  ["daily 09:00-17:00", { days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 540, untilMinute: 1020 }],
])("reads %s", (text, window) => {
  expect(parseWindow(text)).toEqual(window);
});

it.each([
  ["", "must look like"],
  ["22:00-07:00", "must look like"],
  ["mon 22-7", "must look like"],
  ["moon 22:00-07:00", "names no weekdays"],
  ["mon-wed-fri 22:00-07:00", "names no weekdays"],
  ["mon, 22:00-07:00", "names no weekdays"],
  ["mon 24:00-07:00", "must begin between"],
  ["mon 22:60-07:00", "must begin between"],
  ["mon 22:00-24:01", "must end between"],
  ["mon 08:00-08:00", "begins when it ends"],
])("refuses %j", (text, problem) => {
  expect(parseWindow(text)).toEqual({ problem: expect.stringContaining(problem) });
});
