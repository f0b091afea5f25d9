import { expect, it } from "vitest";
import { draftOf, memberAt, readDraft, withMember } from "./settings-draft.js";

it("reads what is a document, and nothing else", () => {
  expect(readDraft(draftOf({ a: { b: 1 } }))).toEqual({ a: { b: 1 } });
  for (const text of ["", "{", "[]", "null", "1"]) expect(readDraft(text)).toBeUndefined();
});

it("puts a member in its place, and takes it out with the groups that it leaves empty", () => {
  const document = { a: { b: 1 }, c: [1] };
  const changed = withMember(document, ["a", "d", "e"], 2);
  expect(changed).toEqual({ a: { b: 1, d: { e: 2 } }, c: [1] });
  expect(memberAt(changed, ["a", "d", "e"])).toBe(2);
  expect(memberAt(changed, ["c", "x"])).toBeUndefined();
  expect(withMember(changed, ["a", "d", "e"], undefined)).toEqual(document);
  expect(withMember(document, ["x", "y"], undefined)).toEqual(document);
});
