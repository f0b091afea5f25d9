import type { JsonMember, JsonObjectText } from "./json-members.js";
import type { Splice } from "./json-text.js";

/** What to do with a member: its new value as JSON text, or `undefined` to remove it. */
export type MemberEdits = ReadonlyMap<string, string | undefined>;

/**
 * The splices that change top-level members and leave every other character as it was: numbers keep their digits,
 * members their order, white space its place. A changed member stays where it was, a new one comes last. A member that
 * occurs twice is changed as one.
 */
export function memberSplices(object: JsonObjectText, edits: MemberEdits): Splice[] {
  const splices: Splice[] = [];
  const unset = new Map([...edits].filter(([, value]) => value !== undefined));
  const removed: boolean[] = [];
  // From the back: of a member that occurs twice, the last one counts.
  for (const [index, member] of [...object.members.entries()].reverse()) {
    const value = unset.get(member.key);
    removed[index] = edits.has(member.key) && value === undefined;
    if (value === undefined) continue;
    unset.delete(member.key);
    if (object.text.slice(member.start, member.end) !== value) {
      splices.push({ start: member.start, end: member.end, text: value });
    }
  }
  addRemovals(splices, object, removed);
  const kept = removed.includes(false);
  const added = [...unset].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",");
  if (added !== "") splices.push({ start: object.close, end: object.close, text: kept ? `,${added}` : added });
  return splices;
}

/** Removes members together with the commas that they leave without a neighbour. */
function addRemovals(splices: Splice[], { members }: JsonObjectText, removed: readonly boolean[]): void {
  for (let first = 0; first < members.length; first++) {
    if (removed[first] !== true) continue;
    let last = first;
    while (removed[last + 1] === true) last += 1;
    const isEnd = last === members.length - 1;
    const start = (members[first] as JsonMember).from - (isEnd && first > 0 ? 1 : 0);
    const end = (members[last] as JsonMember).to + (isEnd ? 0 : 1);
    splices.push({ start, end, text: "" });
    first = last;
  }
}
