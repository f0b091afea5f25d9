/** Nesting allowed in a request body. */
export const MAX_JSON_DEPTH = 64;

/** Replaces the characters from `start` to before `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies splices that do not overlap, in any order; every other character stays as it was. */
export function splice(text: string, splices: readonly Splice[]): string {
  if (splices.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const each of splices.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(from, each.start), each.text);
    from = each.end;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

/** The characters that JSON is made of, by char code. */
export const CHAR = {
  tab: 9,
  lf: 10,
  cr: 13,
  space: 32,
  quote: 34,
  comma: 44,
  colon: 58,
  openBracket: 91,
  closeBracket: 93,
  openBrace: 123,
  closeBrace: 125,
  backslash: 92,
} as const;

/**
 * The index of the quote that ends the string which starts at `open`, or -1 when nothing ends it. Linear: a run of
 * backslashes is looked at once. Text without escapes is jumped over; from the first escaped quote on each character
 * is looked at, because a jump a quote is dearer than a look where every other character is one.
 */
export function stringEnd(text: string, open: number): number {
  const quote = text.indexOf('"', open + 1);
  if (quote === -1 || !isEscaped(text, quote)) return quote;
  for (let at = quote + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === CHAR.quote) return at;
    if (code === CHAR.backslash) at += 1;
  }
  return -1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === CHAR.backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

/** What a string between these quotes says. @throws SyntaxError when it is not a JSON string */
export function stringValue(text: string, open: number, end: number): string {
  const inner = text.slice(open + 1, end);
  return inner.includes("\\") ? (JSON.parse(text.slice(open, end + 1)) as string) : inner;
}
