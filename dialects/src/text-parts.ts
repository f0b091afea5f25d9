/** Characters of one event's text at most: four bytes each in UTF-8, escaped six, and still far below a frame. */
export const LONGEST_PART: number = 64 * 1024;

/** A text in pieces, none of which ends inside a character. */
export function textParts(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + LONGEST_PART;
    const splits = end < text.length && isHighSurrogate(text.charCodeAt(end - 1));
    pieces.push(text.slice(at, splits ? end - 1 : end));
    at = splits ? end - 1 : end;
  }
  return pieces;
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
