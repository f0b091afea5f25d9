import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Detokenizer, TokenText } from "./token-text.js";

/** A vocabulary of the 256 bytes; token 256 is a control token with the text `<tool_call>`. */
const bytes: Detokenizer = {
  detokenize: (tokens, { special }) =>
    tokens[0] === 256
      ? special
        ? "<tool_call>"
        : ""
      : new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(tokens)),
};

function pieces(tokens: readonly number[]): string[] {
  const text = new TokenText(bytes, [], new Set([256]));
  return [...tokens.map((token) => text.push(token)), text.end()];
}

describe("TokenText", () => {
  it("holds the bytes of a character until it is whole", () => {
    expect(pieces([...new TextEncoder().encode("a€😀")])).toEqual(["a", "", "", "€", "", "", "", "😀", ""]);
  });

  it("shows a character that never became whole at the end only", () => {
    expect(pieces([0x61, 0xe2, 0x82])).toEqual(["a", "", "", "\uFFFD"]);
  });

  it("shows what is decided when a new character begins after bytes that are none", () => {
    expect(pieces([0xff, 0xe2, 0x82, 0xac])).toEqual(["", "\uFFFD", "", "€", ""]);
  });

  it("shows the text of a visible control token, after what was held", () => {
    expect(pieces([0xe2, 256, 0x61])).toEqual(["", "\uFFFD<tool_call>", "a", ""]);
  });

  it("loses no character behind any number of written replacement characters", () => {
    for (let count = 1; count < 40; count++) {
      const text = `${"\uFFFD".repeat(count)}é`;
      expect(pieces([...new TextEncoder().encode(text)]).join("")).toBe(text);
    }
  });

  it("goes on where what comes is no UTF-8 at all", () => {
    const parts = pieces(Array(50).fill(0xff));
    expect(parts.join("")).toBe("\uFFFD".repeat(50));
    expect(parts.findIndex((part) => part !== "")).toBeLessThan(17);
  });

  it("never splits a character and loses nothing, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", " ", "é", "€", "日", "😀", "\u{10FFFF}", "\uFFFD"), maxLength: 40 }),
        (text) => {
          const parts = pieces([...new TextEncoder().encode(text)]);
          expect(parts.join("")).toBe(text);
          // A replacement character may only be shown where the text has one.
          expect(parts.filter((part) => part.includes("\uFFFD") && !text.includes("\uFFFD"))).toEqual([]);
        },
      ),
    );
  });
});
