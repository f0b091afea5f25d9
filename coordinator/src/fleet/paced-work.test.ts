import { expect, it } from "vitest";
import { PacedWork, type Stage } from "./paced-work.js";

function setUp() {
  let now = 0;
  const turns: (() => void)[] = [];
  const done: number[] = [];
  const paced = new PacedWork({ now: () => now }, (act) => turns.push(act));
  const work = (number: number, ms: number, stage: Stage = "begins"): void =>
    paced.do(stage, () => {
      done.push(number);
      now += ms;
    });
  return { paced, turns, done, work, turn: () => turns.shift()?.() };
}

it("does at once what takes little, and asks for no turn where it took nothing", () => {
  const { done, turns, work } = setUp();
  work(1, 0);
  expect(turns).toHaveLength(0);
  work(2, 4);
  work(3, 4);
  expect(done).toEqual([1, 2, 3]);
  expect(turns).toHaveLength(1);
});

it("leaves to later turns what is too much for one, in its order", () => {
  const { done, turns, turn, work } = setUp();
  for (let number = 1; number <= 8; number += 1) work(number, 4);
  expect(done).toEqual([1, 2, 3]);
  turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  // What comes now is not done before what waits.
  work(9, 1);
  turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  turn();
  expect(turns).toHaveLength(0);
});

it("goes on with what has begun before it begins more", () => {
  const { done, turn, work } = setUp();
  for (let number = 1; number <= 3; number += 1) work(number, 10);
  work(4, 10, "goes on");
  turn();
  turn();
  expect(done).toEqual([1, 4, 2]);
});

it("has all of a turn's time again when nothing has come for a while", () => {
  const { done, turn, work } = setUp();
  work(1, 9);
  turn();
  work(2, 9);
  work(3, 9);
  expect(done).toEqual([1, 2, 3]);
});

it("goes on after work that failed", () => {
  const { paced, done, turn, work } = setUp();
  work(1, 10);
  paced.do("begins", () => {
    throw new Error("once");
  });
  work(2, 1);
  expect(turn).toThrow("once");
  turn();
  expect(done).toEqual([1, 2]);
});
