import { LIMITS } from "@hearth/protocol";
import type { Clock } from "../platform/clock.js";

/** Holds events back for a consumer who does not read as they come, so that many travel in one frame. */
export class WholeBatcher implements Disposable {
  readonly #clock: Clock;
  readonly #flush: (events: Uint8Array) => void;
  #held: Uint8Array[] = [];
  #bytes = 0;
  #timer: Disposable | undefined;

  /** @param flush gets what has been held long enough or has become much, in the order in which it came */
  constructor(clock: Clock, flush: (events: Uint8Array) => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  /** Takes events for one frame; together with what is held they may need a second one. */
  add(events: Uint8Array): void {
    if (this.#bytes + events.length > LIMITS.responseChunkBytes) this.flush();
    this.#held.push(events);
    this.#bytes += events.length;
    if (this.#bytes >= LIMITS.wholeBatchBytes) this.flush();
    else this.#timer ??= this.#clock.setTimer(LIMITS.wholeBatchMs, () => this.flush());
  }

  /** Passes on what is held. */
  flush(): void {
    const events = this.take();
    if (events.length > 0) this.#flush(events);
  }

  /** What is held now, no longer held; empty when nothing is. */
  take(): Uint8Array {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const events = this.#held.length === 1 ? (this.#held[0] as Uint8Array) : Buffer.concat(this.#held);
    this.#held = [];
    this.#bytes = 0;
    return events;
  }

  [Symbol.dispose](): void {
    this.take();
  }
}
