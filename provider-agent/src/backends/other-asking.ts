/** What a server cannot do of what it was asked; it is asked without then. */
export type Inability = "stream_options" | "stream_with_tools";

/** A member that a body's own text may name only with its quotes escaped. */
const STREAM_OPTIONS = /(?<!\\)"stream_options"\s*:\s*\{[^{}]*\}\s*(,?)\s*/g;
const STREAM = /(?<!\\)"stream"\s*:\s*true/g;
const TOOLS = /(?<!\\)"tools"\s*:\s*\[\s*\{/;

/** What servers refuse by its name, in a 4xx: the member itself, or tools in a stream (llama-server's older versions). */
const REFUSALS: readonly (readonly [Inability, RegExp])[] = [
  ["stream_options", /stream_options/i],
  ["stream_with_tools", /(?:tools?|functions?)\b.*\bstream|\bstream(?:ing)?\b.*\b(?:tools?|functions?)\b/is],
];

/** What a refusal is about, where asking in another way helps. @param body the request's, as it was sent */
export function inabilityIn(words: string, body: Uint8Array): Inability | undefined {
  const asked = textOf(body);
  return REFUSALS.find(([what, refusal]) => refusal.test(words) && asksFor(what, asked))?.[0];
}

/** The body for a server that cannot do this; everything else in it stays as it is, byte for byte. */
export function askedOtherwise(body: Uint8Array, cannot: ReadonlySet<Inability>): Uint8Array {
  if (cannot.size === 0) return body;
  const asked = textOf(body);
  const whole = cannot.has("stream_with_tools") && asksFor("stream_with_tools", asked);
  if (!whole && !(cannot.has("stream_options") && asksFor("stream_options", asked))) return body;
  const changed = asked.replace(STREAM_OPTIONS, (_member, comma: string) =>
    comma === "" ? '"stream_options":null' : "",
  );
  const plain = changed.replace(/,\s*"stream_options":null|"stream_options":null/, "");
  return Buffer.from(whole ? plain.replace(STREAM, '"stream":false') : plain, "latin1");
}

function asksFor(what: Inability, asked: string): boolean {
  switch (what) {
    case "stream_options":
      return asked.search(STREAM_OPTIONS) !== -1;
    case "stream_with_tools":
      return TOOLS.test(asked) && asked.search(STREAM) !== -1;
  }
}

/** A character a byte, so that no byte is lost. */
const textOf = (body: Uint8Array): string =>
  Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
