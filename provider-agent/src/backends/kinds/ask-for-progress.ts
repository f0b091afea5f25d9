const MEMBER = '"return_progress"';
const OPEN = 0x7b;
const CLOSE = 0x7d;
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Adds to a request for llama-server what makes its stream tell how far it is with the prompt. Versions that do not
 * know the member ignore it. No other byte is changed.
 *
 * @returns `undefined` when the request says itself whether it wants that, or is no JSON object
 */
export function askForProgress(body: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const at = skipWhitespace(bytes, 0);
  // Inside a text its quotes would be escaped.
  if (bytes[at] !== OPEN || bytes.includes(MEMBER)) return undefined;
  const comma = bytes[skipWhitespace(bytes, at + 1)] === CLOSE ? "" : ",";
  return Buffer.concat([bytes.subarray(0, at + 1), Buffer.from(`${MEMBER}:true${comma}`), bytes.subarray(at + 1)]);
}

function skipWhitespace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (WHITESPACE.has(bytes[at] ?? OPEN)) at += 1;
  return at;
}
