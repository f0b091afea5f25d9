import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spacedObject } from "../testing/spaced-json.js";
import { readMembers } from "./json-members.js";
import { splice } from "./json-text.js";
import { type MemberEdits, memberSplices } from "./member-splices.js";

/** The text with its members edited; `undefined` where it is no object that may be read. */
function editMembers(text: string, edits: MemberEdits): string | undefined {
  const result = readMembers(text);
  return result.type === "object" ? splice(text, memberSplices(result.object, edits)) : undefined;
}

const edit = (text: string, edits: Record<string, string | undefined>): string | undefined =>
  editMembers(text, new Map(Object.entries(edits)));

describe("editing members", () => {
  it("changes a member where it stands and leaves every other character alone", () => {
    const text = '{ "n" : 9007199254740993,\n\t"stream":false , "x":0.30000000000000004e0 }';
    expect(edit(text, { stream: "true" })).toBe(text.replace("false", "true"));
  });

  it("adds what is missing at the end", () => {
    expect(edit('{"a":1}', { b: "2", c: "3" })).toBe('{"a":1,"b":2,"c":3}');
    expect(edit(" { } ", { b: "2" })).toBe(' { "b":2} ');
  });

  it("removes members wherever they stand, together with their commas", () => {
    const text = '{"a":1, "b":2, "c":3}';
    expect(edit(text, { a: undefined })).toBe('{ "b":2, "c":3}');
    expect(edit(text, { b: undefined })).toBe('{"a":1, "c":3}');
    expect(edit(text, { c: undefined })).toBe('{"a":1, "b":2}');
    expect(edit(text, { a: undefined, b: undefined })).toBe('{ "c":3}');
    expect(edit(text, { b: undefined, c: undefined })).toBe('{"a":1}');
    expect(edit(text, { a: undefined, b: undefined, c: undefined })).toBe("{}");
    expect(edit(text, { a: undefined, b: undefined, c: undefined, d: "4" })).toBe('{"d":4}');
  });

  it("returns the very text when nothing is to change", () => {
    const text = '{"a": 1, "stream":true}';
    expect(edit(text, { missing: undefined, stream: "true" })).toBe(text);
  });

  it("changes a member that occurs twice as one", () => {
    expect(edit('{"a":1,"b":0,"a":2}', { a: "3" })).toBe('{"b":0,"a":3}');
    expect(edit('{"a":1,"b":0,"a":2}', { a: undefined })).toBe('{"b":0}');
  });

  it("knows a member by its name, however that is written", () => {
    expect(edit('{"\\u0075ser":"me","x":"{\\"user\\":1}"}', { user: undefined })).toBe('{"x":"{\\"user\\":1}"}');
  });

  it("means what removing and setting the members of the parsed object means", () => {
    fc.assert(
      fc.property(
        spacedObject,
        fc.infiniteStream(fc.constantFrom("keep", "set", "remove")),
        ({ value, text }, plan) => {
          const edits = new Map<string, string | undefined>([["new", '"fresh"']]);
          const expected: Record<string, unknown> = { ...value, new: "fresh" };
          for (const key of Object.keys(value)) {
            const act = plan.next().value;
            if (act === "keep" || key === "new") continue;
            edits.set(key, act === "set" ? "[1]" : undefined);
            if (act === "set") expected[key] = [1];
            else delete expected[key];
          }
          expect(JSON.parse(editMembers(text, edits) as string)).toEqual(expected);
        },
      ),
    );
  });
});
