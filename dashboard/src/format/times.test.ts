import { expect, it } from "vitest";
import { agoText, dateOf, durationText } from "./times.js";

it("shows a stretch of time in the unit that says most", () => {
  const stretches = [0, 0.21, 740, 3_210, 59_990, 250_000, 3_600_000, 11_100_000, 187_200_000];
  expect(stretches.map(durationText)).toEqual([
    "0 ms",
    "210 µs",
    "740 ms",
    "3.2 s",
    "60 s",
    "4 min 10 s",
    "1 h",
    "3 h 5 min",
    "2 d 4 h",
  ]);
  expect(durationText(undefined)).toBe("–");
});

it("takes times in seconds, and none where there is none", () => {
  expect(dateOf(1_767_225_600)?.toISOString()).toBe("2026-01-01T00:00:00.000Z");
  expect([dateOf(null), dateOf(undefined)]).toEqual([undefined, undefined]);
});

it("tells roughly how long ago something was", () => {
  const now = 1_767_225_600;
  const agos = [2, 45, 130, 7_300, 200_000].map((seconds) => agoText(now - seconds, now * 1_000));
  expect(agos).toEqual(["just now", "45 s ago", "2 min ago", "2 h ago", "2 d ago"]);
});
