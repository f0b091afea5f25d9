import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MemberEdits, memberSplices, readMembers } from "./json-members.js";
import { splice } from "./json-text.js";

/** The text with its members edited; `undefined` where it is no object that may be read. */
function editMembers(text: string, edits: MemberEdits): string | undefined {
  const result = readMembers(text);
  return result.type === "object" ? splice(text, memberSplices(result.object, edits)) : undefined;
}

import { MAX_JSON_DEPTH } from "./json-text.js";

const edit = (text: string, edits: Record<string, string | undefined>): string | undefined =>
  editMembers(text, new Map(Object.entries(edits)));

/** JSON text of a value, with white space wherever JSON allows it. */
function spaced(value: unknown, space: () => string): string {
  const s = space;
  if (Array.isArray(value)) return `[${s()}${value.map((each) => spaced(each, s)).join(`${s()},${s()}`)}${s()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}${s()}:${s()}${spaced(each, s)}`);
  return `{${s()}${members.join(`${s()},${s()}`)}${s()}}`;
}

const spacedObject = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
    fc.infiniteStream(fc.constantFrom("", " ", "\n\t", "\r ")),
  )
  .map(([value, spaces]) => ({
    value: JSON.parse(JSON.stringify(value)) as Record<string, unknown>,
    text: spaced(value, () => spaces.next().value as string),
  }));

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

describe("finding members", () => {
  it("encloses exactly the text of each value", () => {
    fc.assert(
      fc.property(spacedObject, ({ value, text }) => {
        const result = readMembers(text);
        if (result.type !== "object") throw new Error(result.type);
        const found = result.object.members.map(({ key, start, end }) => [key, JSON.parse(text.slice(start, end))]);
        expect(found).toEqual(Object.entries(value));
      }),
    );
  });

  it("allows as many levels as the limit, and not one more", () => {
    const nested = (levels: number): string => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(readMembers(nested(MAX_JSON_DEPTH)).type).toBe("object");
    expect(readMembers(nested(MAX_JSON_DEPTH + 1)).type).toBe("too_deep");
  });

  it("never throws, and reads no object into what JSON.parse takes for something else", () => {
    const fragment = fc.constantFrom('"', "{", "}", "[", "]", ":", ",", "\\", "a", "1", " ", '"a"', '"a":1', "é");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fragment).map((parts) => parts.join("")),
        ),
        (text) => {
          const result = readMembers(text);
          const parsed = parseOrUndefined(text);
          const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
          if (isObject) expect(result.type).toBe("object");
          else if (parsed !== undefined) expect(result.type).toBe("malformed");
        },
      ),
    );
  });

  it.each([
    ["unclosed brackets", '{"a":', "[", ""],
    ["commas", "{", '"a":1,', ""],
    ["escaped quotes", '{"a":"', '\\"', ""],
    ["backslashes", '{"a":"', "\\", '"'],
    ["quotes", "{", '"', ""],
  ])("looks at each character once in a text of %s", (_name, head, unit, tail) => {
    const text = head + unit.repeat(2_000_000) + tail;
    const before = process.cpuUsage();
    expect(readMembers(text).type).not.toBe("object");
    // Quadratic time would be hours.
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
  });
});

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
