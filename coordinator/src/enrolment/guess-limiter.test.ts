import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { GuessLimiter } from "./guess-limiter.js";

const limiter = (clock: FakeClock) => new GuessLimiter(clock, () => ({ wrongGuesses: 2, guessWindowMs: 1_000 }));

it("blocks a key after its wrong guesses until the window that began with the first has passed", () => {
  const clock = new FakeClock();
  const guesses = limiter(clock);
  guesses.wrong("a");
  clock.advance(400);
  expect(guesses.blockedMs("a")).toBe(0);
  guesses.wrong("a");
  expect(guesses.blockedMs("a")).toBe(600);
  clock.advance(600);
  expect(guesses.blockedMs("a")).toBe(0);
  guesses.wrong("a");
  expect(guesses.blockedMs("a")).toBe(0);
});

it("blocks when any of the keys is, and no other key", () => {
  const guesses = limiter(new FakeClock());
  guesses.wrong("a", "b");
  guesses.wrong("a");
  expect(guesses.blockedMs("a", "c")).toBe(1_000);
  expect(guesses.blockedMs("b", "c")).toBe(0);
});

it("remembers no more than so many keys, the oldest are forgotten", () => {
  const guesses = limiter(new FakeClock());
  for (const key of ["first", "first"]) guesses.wrong(key);
  for (let n = 0; n < 50_000; n++) guesses.wrong(`key ${n}`);
  expect(guesses.blockedMs("first")).toBe(0);
  guesses.wrong("key 1");
  expect(guesses.blockedMs("key 1")).toBeGreaterThan(0);
});
