import fc from "fast-check";
import { expect, it } from "vitest";
import { type JsonObject, readNode } from "./json-nodes.js";
import { splice } from "./json-text.js";
import { type NestedEdits, nestedSplices } from "./nested-splices.js";

function edited(text: string, edits: NestedEdits): string {
  return splice(text, nestedSplices(text, readNode(text, 0) as JsonObject, edits));
}

it.each<[string, Record<string, string | undefined>, string]>([
  ['{ "a": null, "b": 1 }', { a: undefined }, '{ "b": 1 }'],
  ['{"a":1 , "b":null}', { b: undefined }, '{"a":1}'],
  ['{"a":1,"b":null,"c":2.0}', { b: undefined }, '{"a":1,"c":2.0}'],
  ['{"a":null,"b":null}', { a: undefined, b: undefined }, "{}"],
  ['{"a":null}', { a: undefined, x: "1" }, '{"x":1}'],
  ["{}", { x: "[]" }, '{"x":[]}'],
  ['{"a":1.50}', { x: "2", a: '"new"' }, '{"x":2,"a":"new"}'],
])("changes %s as told, and nothing else", (text, edits, expected) => {
  expect(edited(text, new Map(Object.entries(edits)))).toBe(expected);
});

it("does to any object what the same edits do to its value", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e,", '"f');
  const value = fc.jsonValue({ maxDepth: 2 });
  fc.assert(
    fc.property(
      fc.dictionary(name, value, { noNullPrototype: true }),
      fc.uniqueArray(fc.tuple(name, fc.option(value, { nil: undefined })), { selector: ([key]) => key }),
      fc.constantFrom(0, 2),
      (object, edits, spaces) => {
        const text = JSON.stringify(object, null, spaces);
        const changes = new Map(edits.map(([key, to]) => [key, to === undefined ? undefined : JSON.stringify(to)]));
        const expected: Record<string, unknown> = { ...JSON.parse(text) };
        for (const [key, to] of changes) {
          if (to === undefined) delete expected[key];
          else expected[key] = JSON.parse(to);
        }
        expect(JSON.parse(edited(text, changes))).toEqual(expected);
      },
    ),
  );
});
