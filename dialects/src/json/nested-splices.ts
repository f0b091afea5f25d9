import type { JsonNode, JsonObject } from "./json-nodes.js";
import type { Splice } from "./json-text.js";

/** What to do with a member of a nested object: its new value as JSON text, or `undefined` to remove it. */
export type NestedEdits = ReadonlyMap<string, string | undefined>;

/** As `memberSplices`, for an object anywhere in a text. What is new comes first. */
export function nestedSplices(text: string, object: JsonObject, edits: NestedEdits): Splice[] {
  const entries = [...object.members];
  const splices: Splice[] = [];
  for (const [key, { start, end }] of entries) {
    const value = edits.get(key);
    if (value !== undefined && text.slice(start, end) !== value) splices.push({ start, end, text: value });
  }
  const removed = entries.map(([key]) => edits.has(key) && edits.get(key) === undefined);
  const added = [...edits].filter(([key, value]) => value !== undefined && !object.members.has(key));
  const isLeft = removed.includes(false);
  const head =
    added.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",") + (added.length > 0 && isLeft ? "," : "");
  const at = object.start + 1;
  if (head !== "") splices.push({ start: at, end: at, text: head });
  return [...splices, ...removals(text, object, removed)];
}

/** Each with the comma behind it, or the one before it where it is among the last. */
function removals(text: string, object: JsonObject, removed: readonly boolean[]): Splice[] {
  const nodes = [...object.members.values()];
  const lastKept = removed.lastIndexOf(false);
  return nodes.flatMap((node, index) => {
    if (removed[index] !== true) return [];
    const before = index === 0 ? object.start + 1 : (nodes[index - 1] as JsonNode).end;
    if (index > lastKept) return [{ start: before, end: node.end, text: "" }];
    // Behind a member that stays, or at the front, the comma goes that follows.
    const start = index === 0 ? before : text.indexOf(",", before) + 1;
    return [{ start, end: text.indexOf(",", node.end) + 1, text: "" }];
  });
}
