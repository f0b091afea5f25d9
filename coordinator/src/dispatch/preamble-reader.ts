import { LIMITS } from "@hearth/protocol";
import type { AttemptEvent, Chunk } from "./types.js";

/** What comes before the content may say again all that was asked: twice, each time in up to twice as many bytes. */
const MAX_ECHOES = 4;
/** Members of an event that change although it says the same again: when, and how far. */
const MOVING_MEMBERS: ReadonlySet<string> = new Set(["created", "prompt_progress", "timings", "usage"]);

/** Tells what comes before the content from what only repeats it, and from the request said again. */
export class PreambleReader {
  /** Bytes that may still be the request said again. */
  #echoBytes: number;
  /** What came last before the content. */
  #said: string | undefined;

  /** @param requestBytes of the request's body */
  constructor(requestBytes: number) {
    this.#echoBytes = Math.min(MAX_ECHOES * requestBytes, LIMITS.responseEventBytes);
  }

  /** @param seenContent content has come by now: nothing repeats what stood before it */
  read(chunk: Chunk, seenContent: boolean): Extract<AttemptEvent, { type: "preamble" }> {
    const said = seenContent ? undefined : meaningOf(chunk.parsed);
    const repeats = said !== undefined && said === this.#said;
    this.#said = said;
    const echoedBytes = repeats ? 0 : Math.min(chunk.bytes.length, this.#echoBytes);
    this.#echoBytes -= echoedBytes;
    return { type: "preamble", chunk, ...(repeats ? { repeats } : {}), ...(echoedBytes > 0 ? { echoedBytes } : {}) };
  }

  /** Nothing more is read. */
  letGo(): void {
    this.#said = undefined;
  }
}

/** What an event without content says: two that say the same are one. */
function meaningOf(parsed: unknown): string {
  return JSON.stringify(parsed, (key, value: unknown) => (MOVING_MEMBERS.has(key) ? undefined : value)) ?? "";
}
