import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import { Background } from "./background.js";
import type { Steps } from "./steps.js";

let clock: FakeClock;
let background: Background;
let done: string[];

beforeEach(() => {
  clock = new FakeClock();
  background = new Background(clock);
  done = [];
});

/** So many steps, each of which takes so long, ms. */
function* steps(name: string, count: number, ms: number): Steps<void> {
  for (let n = 1; n <= count; n++) {
    clock.advance(ms);
    done.push(`${name}${n}`);
    if (n < count) yield;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("does nothing in the turn in which it is asked, and everything in its order", async () => {
  background.add(steps("a", 2, 0));
  background.add(steps("b", 1, 0));
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual(["a1", "a2", "b1"]);
});

it("leaves the rest to a later turn when its time is up", async () => {
  background.add(steps("a", 3, 1));
  background.add(steps("b", 1, 1));
  await turn();
  expect(done).toEqual(["a1", "a2"]);
  await turn();
  expect(done).toEqual(["a1", "a2", "a3", "b1"]);
});

it("leaves the rest to a later turn after so many steps, though the clock stands still", async () => {
  for (let n = 0; n < 100; n++) background.add(steps(`${n}-`, 1, 0));
  await turn();
  expect(done).toHaveLength(64);
  await turn();
  expect(done).toHaveLength(100);
});

it("goes on with what is added later", async () => {
  background.add(steps("a", 1, 0));
  await turn();
  background.add(steps("b", 1, 0));
  await turn();
  expect(done).toEqual(["a1", "b1"]);
});
