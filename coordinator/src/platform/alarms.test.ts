import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import { Alarms } from "./alarms.js";

let clock: FakeClock;
let rung: string[];
let alarms: Alarms<string>;
beforeEach(() => {
  clock = new FakeClock();
  rung = [];
  alarms = new Alarms(clock, (name, at) => rung.push(`${name} ${at}`));
});
const set = (name: string, inMs: number): void => alarms.set(name, clock.now() + inMs);

it("rings each alarm once, at its time, in the order of their times", () => {
  set("late", 300);
  set("early", 100);
  set("middle", 200);
  clock.advance(99);
  expect(rung).toEqual([]);
  clock.advance(1);
  expect(rung).toEqual(["early 100"]);
  clock.advance(1_000);
  expect(rung).toEqual(["early 100", "middle 200", "late 300"]);
});

it("rings those of one time in the order in which they were set", () => {
  for (const name of ["a", "b", "c"]) set(name, 50);
  clock.advance(50);
  expect(rung).toEqual(["a 50", "b 50", "c 50"]);
});

it("moves an alarm that is set again, to a later time and to an earlier one", () => {
  set("a", 100);
  set("a", 200);
  set("b", 400);
  set("b", 300);
  clock.advance(150);
  expect(rung).toEqual([]);
  clock.advance(500);
  expect(rung).toEqual(["a 200", "b 300"]);
});

it("rings none that was taken back, and all that are set afterwards", () => {
  set("a", 100);
  alarms.clear();
  set("b", 150);
  clock.advance(100);
  expect(rung).toEqual([]);
  clock.advance(50);
  expect(rung).toEqual(["b 150"]);
});

it("rings what is set while it rings, also where that is due at once", () => {
  alarms = new Alarms(clock, (name, at) => {
    rung.push(`${name} ${at}`);
    if (name === "first") {
      set("now", 0);
      set("soon", 10);
    }
  });
  set("first", 100);
  set("other", 105);
  clock.advance(100);
  expect(rung).toEqual(["first 100", "now 100"]);
  clock.advance(10);
  expect(rung).toEqual(["first 100", "now 100", "other 105", "soon 110"]);
});

it("has one timer, however many alarms are set behind the first, and none when it is over", () => {
  for (const [n, name] of ["a", "b", "c", "d"].entries()) set(name, 100 + n);
  expect(clock.pending).toBe(1);
  alarms[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
