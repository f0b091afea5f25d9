import type { Members } from "../api/config-types.js";

const isGroup = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A document as it is edited. */
export const draftOf = (document: Members): string => JSON.stringify(document, undefined, 2);

/** What is being edited, where it is a document already. */
export function readDraft(text: string): Members | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return isGroup(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

/** A member of a document, by the names that lead to it. */
export const memberAt = (document: Members, names: readonly string[]): unknown =>
  names.reduce<unknown>((group, name) => (isGroup(group) ? group[name] : undefined), document);

/** The document with another member there; `undefined` takes it out, and groups that are empty then. */
export function withMember(document: Members, names: readonly string[], value: unknown): Members {
  const [name, ...below] = names;
  if (name === undefined) return document;
  const held = document[name];
  const next = below.length === 0 ? value : withMember(isGroup(held) ? held : {}, below, value);
  const isGone = next === undefined || (below.length > 0 && isGroup(next) && Object.keys(next).length === 0);
  const { [name]: _before, ...others } = document;
  return isGone ? others : { ...document, [name]: next };
}
