import type { Clock } from "@hearth/platform";
import type { Slot } from "@hearth/protocol";

interface Place {
  readonly tokens: number;
  readonly takenAt: number;
}

/** What a request is expected to cost at most in the end, tokens: most bounds are far from what is written. */
const EXPECTED_PLACE_TOKENS = 512;

/** What runs on one provider: places of ours that are taken, and work of others as its last heartbeat showed it. */
export class Places {
  readonly #clock: Clock;
  #freed: () => void;
  readonly #taken = new Map<string, Set<Place>>();
  /** Work that is not ours, as of the last heartbeat. */
  readonly #foreign = new Map<string, number>();
  #reportedAt: number;

  /** @param freed a place was given back */
  constructor(clock: Clock, freed: () => void) {
    this.#clock = clock;
    this.#freed = freed;
    this.#reportedAt = clock.now();
  }

  /** Tells of places that are given back from now on to somebody else. */
  handOver(freed: () => void): void {
    this.#freed = freed;
  }

  /** When the last heartbeat came, or when the provider connected. */
  get reportedAt(): number {
    return this.#reportedAt;
  }

  acquire(model: string, tokens: number): Disposable {
    const place: Place = { tokens, takenAt: this.#clock.now() };
    const taken = this.#taken.get(model) ?? new Set();
    this.#taken.set(model, taken);
    taken.add(place);
    return {
      [Symbol.dispose]: () => {
        if (!taken.delete(place)) return;
        // A provider names other models as it likes: what nothing runs on is not kept.
        if (taken.size === 0 && this.#taken.get(model) === taken) this.#taken.delete(model);
        this.#freed();
      },
    };
  }

  /** A heartbeat has come. */
  report(slots: readonly Slot[]): void {
    // What is no longer named is no longer there, and a provider cannot make this grow.
    this.#foreign.clear();
    for (const { model, running } of slots) {
      this.#foreign.set(model, Math.max(0, running - this.inFlight(model)));
    }
    this.#reportedAt = this.#clock.now();
  }

  /** Models of which a place is taken. */
  get models(): number {
    return this.#taken.size;
  }

  inFlight(model: string): number {
    return this.#taken.get(model)?.size ?? 0;
  }

  load(model: string): number {
    return this.inFlight(model) + (this.#foreign.get(model) ?? 0);
  }

  tokensAhead(model: string): number {
    if (!this.#taken.has(model)) return 0;
    let tokens = 0;
    for (const place of this.#unreported(model)) tokens += Math.min(place.tokens, EXPECTED_PLACE_TOKENS);
    return tokens;
  }

  unreportedTokens(model: string): number {
    let tokens = 0;
    for (const place of this.#unreported(model)) tokens += place.tokens;
    return tokens;
  }

  /** Places that the last heartbeat cannot have counted. */
  *#unreported(model: string): IterableIterator<Place> {
    for (const place of this.#taken.get(model) ?? []) if (place.takenAt >= this.#reportedAt) yield place;
  }
}
