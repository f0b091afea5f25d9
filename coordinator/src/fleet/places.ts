import type { Clock } from "@hearth/platform";
import type { Slot } from "@hearth/protocol";

interface Place {
  readonly tokens: number;
  readonly takenAt: number;
  /** The last heartbeat can have counted it. */
  reported: boolean;
}

/** The places of one model that are taken, with sums over those that no heartbeat can have counted: picks read them. */
interface Taken {
  readonly places: Set<Place>;
  unreportedTokens: number;
  tokensAhead: number;
}

/** What a request is expected to cost at most in the end, tokens: most bounds are far from what is written. */
const EXPECTED_PLACE_TOKENS = 512;

/** What runs on one provider: places of ours that are taken, and work of others as its last heartbeat showed it. */
export class Places {
  readonly #clock: Clock;
  #freed: () => void;
  readonly #taken = new Map<string, Taken>();
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
    const place: Place = { tokens, takenAt: this.#clock.now(), reported: false };
    const taken = this.#taken.get(model) ?? { places: new Set(), unreportedTokens: 0, tokensAhead: 0 };
    this.#taken.set(model, taken);
    taken.places.add(place);
    count(taken, place, 1);
    return {
      [Symbol.dispose]: () => {
        if (!taken.places.delete(place)) return;
        if (!place.reported) count(taken, place, -1);
        // A provider names other models as it likes: what nothing runs on is not kept.
        if (taken.places.size === 0 && this.#taken.get(model) === taken) this.#taken.delete(model);
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
    for (const taken of this.#taken.values()) {
      for (const place of taken.places) {
        if (place.reported || place.takenAt >= this.#reportedAt) continue;
        place.reported = true;
        count(taken, place, -1);
      }
    }
  }

  /** Models of which a place is taken. */
  get models(): number {
    return this.#taken.size;
  }

  inFlight(model: string): number {
    return this.#taken.get(model)?.places.size ?? 0;
  }

  load(model: string): number {
    return this.inFlight(model) + (this.#foreign.get(model) ?? 0);
  }

  /** Of places that the last heartbeat cannot have counted, what each is expected to cost. */
  tokensAhead(model: string): number {
    return this.#taken.get(model)?.tokensAhead ?? 0;
  }

  /** Of places that the last heartbeat cannot have counted, what each may cost. */
  unreportedTokens(model: string): number {
    return this.#taken.get(model)?.unreportedTokens ?? 0;
  }
}

function count(taken: Taken, { tokens }: Place, times: 1 | -1): void {
  taken.unreportedTokens += times * tokens;
  taken.tokensAhead += times * Math.min(tokens, EXPECTED_PLACE_TOKENS);
}
