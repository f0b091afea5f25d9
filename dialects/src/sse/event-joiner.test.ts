import fc from "fast-check";
import { expect, it } from "vitest";
import { EventJoiner } from "./event-joiner.js";

const MOST = 1_000;
const eventOf = (text: string): Buffer => Buffer.from(`data: ${text}\n\n`);
const textOf = fc.stringMatching(/^[a-zé]{1,200}$/);

it("reads the same events however they are cut", () => {
  fc.assert(
    fc.property(
      fc.array(textOf, { minLength: 1, maxLength: 9 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (texts, at) => {
        const bytes = Buffer.concat(texts.map(eventOf));
        const cuts = [0, ...at.map((each) => each % bytes.length).sort((a, b) => a - b), bytes.length];
        const joiner = new EventJoiner(MOST);
        const read = cuts.slice(1).flatMap((to, n): (string | undefined)[] => {
          const events = joiner.read(bytes.subarray(cuts[n], to), to === bytes.length);
          return events?.map(({ data }) => data) ?? ["lost"];
        });
        expect(read).toEqual(texts);
        expect(joiner.heldBytes).toBe(0);
      },
    ),
  );
});

it("holds an event until it is complete, and tells how much of it is here", () => {
  const joiner = new EventJoiner(MOST);
  expect(joiner.read(Buffer.from("data: a\n\ndata: b"), false)).toMatchObject([{ data: "a" }]);
  expect(joiner.heldBytes).toBe("data: b".length);
  expect(joiner.read(Buffer.from("c\n\n"), true)).toMatchObject([{ data: "bc" }]);
});

it("has no events where the last of them has no end, or one is too large", () => {
  expect(new EventJoiner(MOST).read(Buffer.from("data: a"), true)).toBeUndefined();
  const joiner = new EventJoiner(MOST);
  expect(joiner.read(eventOf("x".repeat(MOST - 8)).subarray(0, 500), false)).toEqual([]);
  expect(joiner.read(eventOf("x".repeat(MOST - 8)).subarray(500), false)).toHaveLength(1);
  expect(joiner.read(eventOf("x".repeat(MOST - 7)).subarray(0, 500), false)).toEqual([]);
  expect(joiner.read(eventOf("x".repeat(MOST - 7)).subarray(500), false)).toBeUndefined();
});
