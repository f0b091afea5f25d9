/** A step into a document: a key, or an index of an array of tables. */
export type Step = string | number;

/** Where a value stands in TOML text. Offsets count UTF-16 units. */
export interface Place {
  readonly path: readonly Step[];
  /** From 1. */
  readonly line: number;
  /** Of the value; of the header's end for a table. */
  readonly from: number;
  readonly until: number;
  readonly kind: "value" | "table";
}

/**
 * Finds where keys and tables stand in TOML text that is valid: parsers do not tell. What stands inside an inline table
 * has no place of its own.
 */
export function locate(text: string): readonly Place[] {
  const places: Place[] = [];
  const counts = new Map<string, number>();
  let table: readonly Step[] = [];
  let at = 0;
  let line = 1;
  const moveTo = (next: number): void => {
    for (; at < next; at++) if (text[at] === "\n") line++;
  };
  while (at < text.length) {
    const start = skipBlank(text, at);
    moveTo(start);
    if (start >= text.length) break;
    const isTable = text[start] === "[";
    const keyStart = isTable ? start + (text[start + 1] === "[" ? 2 : 1) : start;
    const { keys, end } = readKeys(text, keyStart);
    if (isTable) {
      const isArray = text[start + 1] === "[";
      table = resolve(keys, counts, isArray);
      const until = end + (isArray ? 2 : 1);
      places.push({ path: table, line, from: until, until, kind: "table" });
      moveTo(endOfLine(text, until));
    } else {
      const from = skipSpaces(text, end + 1);
      const until = endOfValue(text, from);
      places.push({ path: [...table, ...keys], line, from, until, kind: "value" });
      moveTo(endOfLine(text, until));
    }
  }
  return places;
}

/** The line of the nearest place at or above this path. */
export function lineOf(places: readonly Place[], path: readonly Step[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const wanted = JSON.stringify(path.slice(0, length));
    const place = places.find((each) => JSON.stringify(each.path) === wanted);
    if (place !== undefined) return place.line;
  }
  return undefined;
}

/** Puts the index of the newest element behind each array of tables; a `[[header]]` makes a new one. */
function resolve(keys: readonly string[], counts: Map<string, number>, isArray: boolean): readonly Step[] {
  const path: Step[] = [];
  keys.forEach((key, i) => {
    path.push(key);
    const name = JSON.stringify(path);
    if (isArray && i === keys.length - 1) counts.set(name, (counts.get(name) ?? 0) + 1);
    const count = counts.get(name);
    if (count !== undefined) path.push(count - 1);
  });
  return path;
}

/** Dotted keys up to `=` or `]`, and where they end. */
function readKeys(text: string, start: number): { readonly keys: readonly string[]; readonly end: number } {
  const keys: string[] = [];
  let at = start;
  for (;;) {
    at = skipSpaces(text, at);
    const quote = text[at];
    if (quote === '"' || quote === "'") {
      const end = endOfString(text, at);
      const inner = text.slice(at + 1, end - 1);
      keys.push(quote === '"' ? unescaped(inner) : inner);
      at = end;
    } else {
      const bare = /[\w-]*/y;
      bare.lastIndex = at;
      const key = bare.exec(text)?.[0] ?? "";
      keys.push(key);
      at += key.length;
    }
    at = skipSpaces(text, at);
    if (text[at] !== ".") return { keys, end: at };
    at++;
  }
}

function unescaped(inner: string): string {
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    // TOML has escapes that JSON has not; such a key only has no line.
    return inner;
  }
}

/** What changes the depth of brackets. */
const DEPTH: Readonly<Record<string, number>> = { "[": 1, "{": 1, "]": -1, "}": -1 };

/** The offset behind a value: brackets and strings are balanced in valid text. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text[at] ?? "";
    depth += DEPTH[char] ?? 0;
    if (depth === 0 && (char === "\n" || char === "#")) break;
    if (char === '"' || char === "'") at = endOfString(text, at);
    else at = char === "#" ? endOfLine(text, at) : at + 1;
  }
  return start + text.slice(start, at).trimEnd().length;
}

/** The offset behind a string of any of TOML's four kinds. */
function endOfString(text: string, start: number): number {
  const quote = text[start] ?? "";
  const isLong = text.startsWith(quote.repeat(3), start);
  const fence = isLong ? quote.repeat(3) : quote;
  let at = start + fence.length;
  while (at < text.length && !text.startsWith(fence, at)) at += quote === '"' && text[at] === "\\" ? 2 : 1;
  at += fence.length;
  // A long string may end with quotes of its own: at most two.
  while (isLong && text[at] === quote) at++;
  return at;
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

/** Behind white space, empty lines and comments. */
function skipBlank(text: string, start: number): number {
  let at = start;
  for (;;) {
    while (at < text.length && /[\s\uFEFF]/.test(text[at] ?? "")) at++;
    if (text[at] !== "#") return at;
    at = endOfLine(text, at);
  }
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end === -1 ? text.length : end;
}
