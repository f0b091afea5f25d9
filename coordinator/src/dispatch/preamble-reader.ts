import { LIMITS } from "@hearth/protocol";
import type { AttemptEvent, Chunk } from "./types.js";

/** A preamble may repeat the whole request: twice, each time in up to twice as many bytes. */
const MAX_ECHOES = 4;
/** Members that differ between two events which otherwise say the same. */
const MOVING_MEMBERS: ReadonlySet<string> = new Set(["created", "prompt_progress", "timings", "usage"]);

/** Finds out which events before the content repeat the last one, and which bytes may be an echo of the request. */
export class PreambleReader {
  /** Bytes that may still count as an echo of the request. */
  #echoBytes: number;
  /** What the last event before the content said. */
  #said: string | undefined;

  /** @param requestBytes of the request's body */
  constructor(requestBytes: number) {
    this.#echoBytes = Math.min(MAX_ECHOES * requestBytes, LIMITS.responseEventBytes);
  }

  /** @param seenContent content has come, after which no event counts as a repeat */
  read(chunk: Chunk, seenContent: boolean): Extract<AttemptEvent, { type: "preamble" }> {
    const said = seenContent ? undefined : meaningOf(chunk.parsed);
    const repeats = said !== undefined && said === this.#said;
    this.#said = said;
    const echoedBytes = repeats ? 0 : Math.min(chunk.bytes.length, this.#echoBytes);
    this.#echoBytes -= echoedBytes;
    return { type: "preamble", chunk, ...(repeats ? { repeats } : {}), ...(echoedBytes > 0 ? { echoedBytes } : {}) };
  }

  /** Frees what is remembered: nothing more will be read. */
  letGo(): void {
    this.#said = undefined;
  }
}

/** What an event says, without the members that always change. Equal events are held as one. */
function meaningOf(parsed: unknown): string {
  return JSON.stringify(parsed, (key, value: unknown) => (MOVING_MEMBERS.has(key) ? undefined : value)) ?? "";
}
