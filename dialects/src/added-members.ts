type Members = Record<string, unknown>;
type Given = Readonly<Members>;

/** Of each member the last value counts that says something. */
export function addKnown(to: Members, from: Given): void {
  for (const [key, value] of Object.entries(from)) if (value !== null && value !== undefined) to[key] = value;
}

/** The same, but that lists are continued, such as vLLM's `token_ids` of each part of an answer. */
export function addListed(to: Members, from: Given): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === null || value === undefined) continue;
    to[key] = Array.isArray(value) ? sum(to[key], [...(value as unknown[])]) : value;
  }
}

/** Text and lists are continued, objects member by member; of anything else the last one counts. Takes over lists. */
export function addMembers(to: Members, from: Given): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === null || value === undefined) continue;
    to[key] = sum(to[key], value);
  }
}

function sum(before: unknown, value: unknown): unknown {
  if (typeof before === "string" && typeof value === "string") return before + value;
  if (Array.isArray(before) && Array.isArray(value)) {
    for (const each of value) before.push(each);
    return before;
  }
  if (isRecord(before) && isRecord(value)) {
    const merged = { ...before };
    addMembers(merged, value);
    return merged;
  }
  return value;
}

const isRecord = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
