import { expect, it } from "vitest";
import { EventBlocks } from "./event-blocks.js";

it("finds the same blocks wherever the text is cut", () => {
  const text = "data: a\n\n: comment\n\ndata: b\ndata: c\n\nrest";
  const expected = ["data: a", ": comment", "data: b\ndata: c"];
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const blocks = new EventBlocks();
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      expect(pieces.flatMap((piece) => blocks.push(piece))).toEqual(expected);
    }
  }
});

it("does not keep an event without end for ever", () => {
  const blocks = new EventBlocks();
  const piece = "x".repeat(16 * 2 ** 20);
  for (let i = 0; i < 4; i++) blocks.push(piece);
  expect(() => blocks.push(piece)).toThrow(expect.objectContaining({ code: "malformed_answer" }));
});
