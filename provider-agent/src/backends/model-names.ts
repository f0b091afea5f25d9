const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** No spelling of `"model"` is longer: each letter may be escaped. */
const LONGEST_KEY = 32;

/** The model that a request's body asks for. */
export function modelIn(body: Uint8Array): string | undefined {
  try {
    const { model } = JSON.parse(Buffer.from(body).toString("utf8")) as { readonly model?: unknown };
    return typeof model === "string" ? model : undefined;
  } catch {
    return undefined;
  }
}

/** The same body, asking for another model: no other byte is changed. */
export function askingFor(model: string, body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const parts: Uint8Array[] = [];
  let kept = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (OPENING.has(byte)) depth += 1;
    if (CLOSING.has(byte)) depth -= 1;
    if (byte !== QUOTE) continue;
    const end = endOfText(bytes, at);
    const value = depth === 1 && isModel(bytes.subarray(at, end)) ? valueAfter(bytes, end) : undefined;
    if (value !== undefined) {
      parts.push(bytes.subarray(kept, value), Buffer.from(JSON.stringify(model)));
      kept = endOfText(bytes, value);
    }
    at = Math.max(end, kept) - 1;
  }
  return Buffer.concat([...parts, bytes.subarray(kept)]);
}

function isModel(key: Uint8Array): boolean {
  if (key.length > LONGEST_KEY) return false;
  try {
    return JSON.parse(Buffer.from(key).toString("utf8")) === "model";
  } catch {
    return false;
  }
}

/** Where the text begins that belongs to a key which ends here. */
function valueAfter(bytes: Uint8Array, end: number): number | undefined {
  const colon = skipWhitespace(bytes, end);
  if (bytes[colon] !== COLON) return undefined;
  const value = skipWhitespace(bytes, colon + 1);
  return bytes[value] === QUOTE ? value : undefined;
}

/** @returns the place after the closing quote */
function endOfText(bytes: Buffer, opening: number): number {
  for (let at = bytes.indexOf(QUOTE, opening + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return bytes.length;
}

function skipWhitespace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (WHITESPACE.has(bytes[at] ?? 0)) at += 1;
  return at;
}

/**
 * An answer, whole or as events, in which the server's name for a model is replaced by ours. Nothing waits that cannot
 * be the beginning of that name.
 */
export async function* answeringAs(
  model: string,
  { body, serverId }: { readonly body: AsyncIterable<Uint8Array>; readonly serverId: string },
): AsyncGenerator<Uint8Array> {
  // Quotes within a text are escaped: only a member looks like this.
  const members = [":", ": "].flatMap((colon) =>
    spellings(serverId).map((value) => Buffer.from(`"model"${colon}${value}`)),
  );
  const ours = Buffer.from(`"model":${JSON.stringify(model)}`);
  let held: Buffer = Buffer.alloc(0);
  for await (const part of body) {
    const { done, rest } = replaced(Buffer.concat([held, part]), members, ours);
    held = rest;
    if (done.length > 0) yield done;
  }
  if (held.length > 0) yield held;
}

/** As most write it, and as Python does. */
function spellings(text: string): readonly string[] {
  const plain = JSON.stringify(text);
  const ascii = plain.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return plain === ascii ? [plain] : [plain, ascii];
}

function replaced(
  bytes: Buffer,
  members: readonly Buffer[],
  ours: Buffer,
): { readonly done: Buffer; readonly rest: Buffer } {
  const parts: Buffer[] = [];
  let from = 0;
  for (;;) {
    const found = members
      .map((member) => ({ member, at: bytes.indexOf(member, from) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (found === undefined) break;
    parts.push(bytes.subarray(from, found.at), ours);
    from = found.at + found.member.length;
  }
  const tail = bytes.subarray(from);
  const held = Math.max(...members.map((member) => begun(tail, member)));
  const end = tail.length - held;
  return { done: Buffer.concat([...parts, tail.subarray(0, end)]), rest: tail.subarray(end) };
}

/** How many of the last bytes may be the beginning of this. */
function begun(tail: Buffer, member: Buffer): number {
  for (let length = Math.min(tail.length, member.length - 1); length > 0; length--) {
    if (tail.subarray(tail.length - length).equals(member.subarray(0, length))) return length;
  }
  return 0;
}
