import { LIMITS } from "@hearth/protocol";
import type { AttemptEvent } from "./types.js";

/** The provider's side of a queue. */
export interface EventSource {
  /** Lets the provider send so many more bytes. */
  grant(bytes: number): void;
  /** Bytes that have come of an event that is not whole yet. */
  heldBytes(): number;
}

/**
 * The events of an attempt between its provider, who sends no more than it has credit for, and its consumer, who takes
 * them one by one. What is taken is granted back: so there is never more of an answer here than its credit, one frame
 * that overshoots it, and one event whose parts were granted back in advance.
 */
export class EventQueue implements AsyncIterator<AttemptEvent> {
  readonly #source: EventSource;
  readonly #events: AttemptEvent[] = [];
  #waiting: ((result: IteratorResult<AttemptEvent>) => void) | undefined;
  #closed = false;
  /** Received beyond what was granted back. */
  #outstandingBytes = 0;
  /** Taken, and not granted back yet. */
  #takenBytes = 0;
  /** Granted back before it was taken. */
  #advancedBytes = 0;

  constructor(source: EventSource) {
    this.#source = source;
  }

  /** Events that nobody has taken yet. */
  get size(): number {
    return this.#events.length;
  }

  /** @returns whether the provider has kept to its credit: one frame may overshoot it, two may not */
  received(bytes: number): boolean {
    this.#outstandingBytes += bytes;
    return this.#outstandingBytes <= LIMITS.initialCreditBytes + LIMITS.frameBytes;
  }

  /** Of signs of life in a row the newest of each kind tells all: nobody may be reading for long. */
  push(event: AttemptEvent): void {
    if (this.#closed) return;
    if (event.type === "working") this.#forgetOlder(event);
    if (this.#waiting === undefined) this.#events.push(event);
    else this.#give(event, this.#waiting);
  }

  /** Bytes for which there is no event: nobody has to take them. */
  taken(bytes: number): void {
    const advancedBytes = Math.min(bytes, this.#advancedBytes);
    this.#advancedBytes -= advancedBytes;
    this.#grant(bytes - advancedBytes);
  }

  /**
   * Grants back in advance what is held of an event: only what is whole can be taken, and the rest needs credit. Only
   * while nothing else waits to be taken: so there is one event at most that is larger than the credit.
   */
  advance(): void {
    if (this.#events.length > 0) return;
    const bytes = this.#source.heldBytes() - this.#advancedBytes;
    if (bytes <= 0) return;
    this.#advancedBytes += bytes;
    this.#grant(bytes);
  }

  /** Nothing more comes. What is there already can still be taken. */
  close(): void {
    this.#closed = true;
    if (this.#events.length === 0) this.#end();
  }

  /** Nothing more comes, and nobody is to see what is there. */
  discard(): void {
    this.#closed = true;
    this.#events.length = 0;
    this.#end();
  }

  next(): Promise<IteratorResult<AttemptEvent>> {
    const event = this.#events.shift();
    if (event === undefined && this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      if (event === undefined) this.#waiting = resolve;
      else this.#give(event, resolve);
    });
  }

  #give(event: AttemptEvent, resolve: (result: IteratorResult<AttemptEvent>) => void): void {
    this.#waiting = undefined;
    this.taken(bytesOf(event));
    this.advance();
    resolve({ done: false, value: event });
  }

  /** In halves of the window: short answers cost no credit frame at all. */
  #grant(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < LIMITS.initialCreditBytes / 2) return;
    this.#outstandingBytes -= this.#takenBytes;
    this.#source.grant(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.({ done: true, value: undefined });
  }

  #forgetOlder({ sign, scope }: Extract<AttemptEvent, { type: "working" }>): void {
    for (let at = this.#events.length - 1; at >= 0; at--) {
      const event = this.#events[at];
      if (event?.type !== "working") return;
      if (event.sign === sign && event.scope === scope) return void this.#events.splice(at, 1);
    }
  }
}

/** What taking an event gives back. An answer that is one body was given back as its parts came. */
function bytesOf(event: AttemptEvent): number {
  if (event.type === "preamble") return event.chunk.whole ? 0 : event.chunk.bytes.length;
  if (event.type !== "content") return 0;
  let bytes = 0;
  for (const chunk of event.chunks) if (!chunk.whole) bytes += chunk.bytes.length;
  return bytes;
}
