import { beforeEach, expect, it } from "vitest";
import { Rounds } from "./rounds.js";
import { FakeClock } from "./testing/fake-clock.js";

const EVERY_MS = 5_000;

let clock: FakeClock;
let rounds: Rounds;
let turns: string[];
beforeEach(() => {
  clock = new FakeClock();
  rounds = new Rounds(clock, EVERY_MS);
  turns = [];
});

const join = (name: string): Disposable => rounds.join(() => turns.push(name));

it("gives each member one turn a round, whenever it has come", () => {
  join("a");
  clock.advance(1_234);
  join("b");
  clock.advance(EVERY_MS - 1_234 - 1);
  expect(turns).toEqual([]);
  clock.advance(1);
  expect(turns).toEqual(["a"]);
  clock.advance(1_234);
  expect(turns).toEqual(["a", "b"]);
  clock.advance(10 * EVERY_MS);
  expect(turns.filter((name) => name === "a")).toHaveLength(11);
  expect(turns.filter((name) => name === "b")).toHaveLength(11);
});

it("has one timer for all of them, and none for nobody", () => {
  const members = Array.from({ length: 1_000 }, (_, index) => join(`${index}`));
  expect(clock.pending).toBe(1);
  clock.advance(EVERY_MS / 2);
  for (const member of members) member[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  clock.advance(2 * EVERY_MS);
  expect(turns).toEqual([]);
});

it("lets a member leave in its turn, and others go on", () => {
  const first = rounds.join(() => {
    turns.push("once");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
  });
  join("ever");
  clock.advance(3 * EVERY_MS);
  expect(turns).toEqual(["once", "ever", "ever", "ever"]);
});
