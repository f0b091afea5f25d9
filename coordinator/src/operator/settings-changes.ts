/** A group of members in the operator's document. */
export type Members = Readonly<Record<string, unknown>>;

const isGroup = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One member that is not the same any more. */
export interface Change {
  /** As `aliases.smart.desired`. */
  readonly path: string;
  /** `undefined` = it was not there. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Two documents with what both come to where they are silent. */
interface Written {
  readonly written: object;
}

/** The members that are not the same in two files. */
export function changesBetween(before: Written, after: Written): readonly Change[] {
  return differences(before.written, after.written, "");
}

/** Their names, without what they say. */
export function changedNames(before: Written, after: Written): readonly string[] {
  return changesBetween(before, after).map(({ path }) => path);
}

function differences(before: unknown, after: unknown, path: string): readonly Change[] {
  if (!isGroup(before) || !isGroup(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
  }
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return members.flatMap((member) => differences(before[member], after[member], below(path, member)));
}

const below = (path: string, member: string): string => (path === "" ? member : `${path}.${member}`);

/** Every member of a document that holds no others, by its name. */
export function leavesOf(value: unknown, path = ""): readonly (readonly [string, unknown])[] {
  if (!isGroup(value) || (Object.keys(value).length === 0 && path !== "")) return [[path, value]];
  return Object.entries(value).flatMap(([member, held]) => leavesOf(held, below(path, member)));
}

/** Deeper than any document that is valid: whoever sends more gets it refused, not a stack that is full. */
const MAX_DEPTH = 32;

/** What a JSON merge patch makes of a value (RFC 7396, section 2). */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isGroup(patch) || depth > MAX_DEPTH) return patch;
  const merged = new Map(Object.entries(isGroup(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  return Object.fromEntries(merged);
}
