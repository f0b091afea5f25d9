import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spacedObject } from "../testing/spaced-json.js";
import { readMembers } from "./json-members.js";
import { MAX_JSON_DEPTH } from "./json-text.js";

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
