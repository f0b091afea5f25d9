/** Nesting allowed in a request body. */
export const MAX_JSON_DEPTH = 64;

/**
 * Changes top-level members of a JSON object and leaves every other character as it was: numbers keep their digits,
 * members their order, white space its place. A member that occurs twice is changed as one.
 *
 * @param text a JSON object that `JSON.parse` accepts
 * @param edits by member name: the new value as JSON text, or `undefined` to remove the member
 * @returns `undefined` when the object is nested deeper than `MAX_JSON_DEPTH`
 */
export function editMembers(text: string, edits: ReadonlyMap<string, string | undefined>): string | undefined {
  const members = topLevelMembers(text);
  if (members === undefined) return undefined;
  const kept = members.filter((member) => !edits.has(member.key)).map((member) => member.text);
  const unchanged = kept.length === members.length && edits.size === 0;
  if (unchanged) return text;
  for (const [key, value] of edits) if (value !== undefined) kept.push(`${JSON.stringify(key)}:${value}`);
  const open = text.indexOf("{");
  const close = text.lastIndexOf("}");
  return `${text.slice(0, open + 1)}${kept.join(",")}${text.slice(close)}`;
}

interface Member {
  readonly key: string;
  /** From behind the separating comma or brace to the next one. */
  readonly text: string;
}

type Token = "string" | "comma" | "open" | "close";

const DEPTH_CHANGE = { comma: 0, open: 1, close: -1 } as const;
const BACKSLASH = 92;

/** Structural characters by char code. */
const TOKENS: readonly (Token | undefined)[] = tokenTable();

function tokenTable(): (Token | undefined)[] {
  const table = new Array<Token | undefined>(128).fill(undefined);
  const kinds: Readonly<Record<string, Token>> = {
    '"': "string",
    ",": "comma",
    "{": "open",
    "[": "open",
    "}": "close",
    "]": "close",
  };
  for (const [char, token] of Object.entries(kinds)) table[char.charCodeAt(0)] = token;
  return table;
}

/** One pass. Strings are jumped over, so that what looks like structure in them is not. */
function topLevelMembers(text: string): Member[] | undefined {
  const members: Member[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const token = TOKENS[text.charCodeAt(at)];
    if (token === undefined) continue;
    if (token === "string") {
      at = stringEnd(text, at);
      continue;
    }
    if (depth === 1 && token !== "open") push(members, text.slice(start, at));
    depth += DEPTH_CHANGE[token];
    if (depth === 1 && token !== "close") start = at + 1;
    if (depth > MAX_JSON_DEPTH) return undefined;
  }
  return members;
}

function push(members: Member[], text: string): void {
  const open = text.indexOf('"');
  if (open === -1) return; // the space inside an empty object
  const end = stringEnd(text, open);
  members.push({ key: JSON.parse(text.slice(open, end + 1)) as string, text });
}

/** The index of the quote that ends the string which starts at `open`. */
function stringEnd(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}
