import { expect, it } from "vitest";
import { Live } from "./live.js";

it("makes what is derived of it once for each value", () => {
  const made: number[] = [];
  const live = new Live(1);
  const doubled = live.derived((value) => {
    made.push(value);
    return value * 2;
  });
  expect([doubled(), doubled()]).toEqual([2, 2]);
  live.replace(5);
  expect([doubled(), doubled(), live.current]).toEqual([10, 10, 5]);
  expect(made).toEqual([1, 5]);
});
