import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { IdleHour } from "./idle-hour.js";

const passedOver = { picked: 0, lost: 1, rejected: { no_headroom: 2 } };
const nothing = { picked: 0, lost: 0, rejected: {} };

it("says once an hour why nothing came, until something comes", () => {
  const clock = new FakeClock();
  const idle = new IdleHour(clock);
  expect(idle.add(passedOver)).toBeUndefined();
  clock.advance(3_599_999);
  expect(idle.add(passedOver)).toBeUndefined();
  expect(idle.words).toEqual([]);
  clock.advance(1);
  const reasons = ["2 × another machine was quicker or less busy", "4 × it was full"];
  expect(idle.add(nothing)).toEqual(reasons);
  expect(idle.add(passedOver)).toBeUndefined();
  expect(idle.words).toEqual([`For an hour no request was sent here, and some came by: ${reasons.join(", ")}.`]);
  clock.advance(3_600_000);
  expect(idle.add(nothing)).toEqual(["1 × another machine was quicker or less busy", "2 × it was full"]);
  idle.add({ ...nothing, picked: 1 });
  expect(idle.words).toEqual([]);
});

it("says nothing where nobody asked for anything, or it was chosen within the hour", () => {
  const clock = new FakeClock();
  const idle = new IdleHour(clock);
  clock.advance(3_600_000);
  expect(idle.add(nothing)).toBeUndefined();
  clock.advance(3_000_000);
  idle.add({ ...passedOver, picked: 1 });
  clock.advance(600_000);
  expect(idle.add(passedOver)).toBeUndefined();
});
