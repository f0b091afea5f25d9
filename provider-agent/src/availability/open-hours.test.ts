import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AvailabilityWindow, parseWindow } from "../config/availability-window.js";
import { isOpenAt, nextOpening } from "./open-hours.js";

function hours(...texts: readonly string[]): readonly AvailabilityWindow[] {
  return texts.map((text) => {
    const window = parseWindow(text);
    if ("problem" in window) throw new Error(window.problem);
    return window;
  });
}

const at = (iso: string): number => Date.parse(iso);

const zone = process.env["TZ"];
beforeEach(() => {
  process.env["TZ"] = "Europe/Berlin";
});
afterEach(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

describe("availability windows", () => {
  it("are always open where there are none", () => {
    expect(isOpenAt([], at("2026-01-01T12:00:00Z"))).toBe(true);
  });

  it("open at their first minute and close before their last, in local time", () => {
    const windows = hours("mon-fri 9:00-17:00");
    // Wednesday; Berlin is an hour ahead of UTC.
    const open = ["07:59:59", "08:00:00", "15:59:59", "16:00:00"].map((t) => isOpenAt(windows, at(`2026-01-07T${t}Z`)));
    expect(open).toEqual([false, true, true, false]);
    expect(isOpenAt(windows, at("2026-01-10T10:00:00Z"))).toBe(false);
  });

  it("go over midnight into a day that they do not name", () => {
    const windows = hours("fri 22:00-07:00");
    expect(isOpenAt(windows, at("2026-01-09T21:00:00Z"))).toBe(true); // Friday 22:00
    expect(isOpenAt(windows, at("2026-01-10T05:59:00Z"))).toBe(true); // Saturday 06:59
    expect(isOpenAt(windows, at("2026-01-10T06:00:00Z"))).toBe(false);
    expect(isOpenAt(windows, at("2026-01-09T05:00:00Z"))).toBe(false); // Friday morning is Thursday's night
    expect(isOpenAt(hours("sat 22:00-07:00"), at("2026-01-11T05:00:00Z"))).toBe(true); // over the week's end
  });

  it("last the whole day up to 24:00", () => {
    const windows = hours("sat,sun 00:00-24:00");
    expect(isOpenAt(windows, at("2026-01-10T22:59:59Z"))).toBe(true);
    expect(isOpenAt(windows, at("2026-01-11T22:59:59Z"))).toBe(true);
    expect(isOpenAt(windows, at("2026-01-11T23:00:00Z"))).toBe(false);
  });

  it("open when the hour that spring leaves out has gone by", () => {
    // 29 March 2026, 01:00 UTC: 02:00 becomes 03:00.
    const windows = hours("sun 02:30-05:00");
    expect(isOpenAt(windows, at("2026-03-29T00:59:59Z"))).toBe(false);
    expect(isOpenAt(windows, at("2026-03-29T01:00:00Z"))).toBe(true);
    expect(nextOpening(windows, at("2026-03-28T12:00:00Z"))).toBe(at("2026-03-29T01:00:00Z"));
    // A window wholly inside that hour does not open on that day.
    expect(nextOpening(hours("sun 02:10-02:50"), at("2026-03-28T12:00:00Z"))).toBe(at("2026-04-05T00:10:00Z"));
  });

  it("are open both times in the hour that autumn repeats", () => {
    // 25 October 2026, 01:00 UTC: 03:00 becomes 02:00.
    const windows = hours("sun 02:30-03:00");
    const open = ["00:29", "00:30", "00:59", "01:00", "01:29", "01:30", "01:59", "02:00"].map((t) =>
      isOpenAt(windows, at(`2026-10-25T${t}:00Z`)),
    );
    expect(open).toEqual([false, true, true, false, false, true, true, false]);
  });

  it("last an hour longer through the night that autumn makes longer", () => {
    const windows = hours("sat 22:00-07:00");
    expect(isOpenAt(windows, at("2026-10-25T05:59:00Z"))).toBe(true);
    expect(isOpenAt(windows, at("2026-10-25T06:00:00Z"))).toBe(false);
  });

  it("tell when they open next, also in a zone of half hours", () => {
    process.env["TZ"] = "Asia/Kolkata";
    expect(nextOpening(hours("mon 09:00-10:00"), at("2026-01-05T04:31:20Z"))).toBe(at("2026-01-12T03:30:00Z"));
  });
});
