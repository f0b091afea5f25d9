import fc from "fast-check";

/** JSON text of a value, with white space wherever JSON allows it. */
function spaced(value: unknown, space: () => string): string {
  const s = space;
  if (Array.isArray(value)) return `[${s()}${value.map((each) => spaced(each, s)).join(`${s()},${s()}`)}${s()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}${s()}:${s()}${spaced(each, s)}`);
  return `{${s()}${members.join(`${s()},${s()}`)}${s()}}`;
}

/** Objects, each with a text of it. */
export const spacedObject = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
    fc.infiniteStream(fc.constantFrom("", " ", "\n\t", "\r ")),
  )
  .map(([value, spaces]) => ({
    value: JSON.parse(JSON.stringify(value)) as Record<string, unknown>,
    text: spaced(value, () => spaces.next().value as string),
  }));
