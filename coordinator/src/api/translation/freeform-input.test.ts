import fc from "fast-check";
import { expect, it } from "vitest";
import { FreeformInput } from "./freeform-input.js";

/** What comes out, piece by piece. */
function read(pieces: readonly string[]): readonly string[] {
  const input = new FreeformInput();
  return [...pieces.map((piece) => input.push(piece)), input.end()];
}

/** A text cut at the places that the numbers say. */
function cut(text: string, places: readonly number[]): readonly string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length));
}

const isWhole = (text: string): boolean => !/[\ud800-\udbff]$/.test(text);

it("is the text, whatever is in it and wherever it is cut, never half a character", () => {
  const anyText = fc.string({ unit: fc.oneof(fc.constantFrom("\n", '"', "\\", "{", "é", "\u{1f600}"), fc.string()) });
  const anySpace = fc.constantFrom("", " ", "\n\t");
  fc.assert(
    fc.property(anyText, anySpace, fc.boolean(), fc.array(fc.nat()), (text, space, escaped, places) => {
      const json = JSON.stringify(text);
      const ascii = json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
      const args = `${space}{${space}"input"${space}:${space}${escaped ? ascii : json}${space}}`;
      const pieces = read(cut(args, places));
      expect(pieces.join("")).toBe(text);
      if (escaped) expect(pieces.every(isWhole)).toBe(true);
    }),
  );
});

it("is told as soon as it is there", () => {
  expect(read(['{"input":"', "a", "b\\", 'nc"', "}"])).toEqual(["", "a", "b", "\nc", "", ""]);
});

it.each([
  ["a text without JSON around it", ["*** Begin", ' Patch {"']],
  ["a text that only begins like JSON", ["{ not", " json }"]],
  ["JSON without the member", ['{"a":', "1}"]],
  ["JSON with more strings than one", ['{"a":"x",', '"b":"y"}']],
  ["JSON that breaks off", ['{"patch":"x']],
])("is the arguments themselves: %s", (_, pieces) => {
  expect(read(pieces).join("")).toBe(pieces.join(""));
});

it.each([
  ['{"patch":"a\\nb"}', "a\nb"],
  ['{"why":1,"input":"x"}', "x"],
  ["{}", ""],
  ["", ""],
])("is found where the model puts it elsewhere: %s", (args, text) => {
  expect(read([...args]).join("")).toBe(text);
});
