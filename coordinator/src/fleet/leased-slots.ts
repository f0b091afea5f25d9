import type { Clock } from "@hearth/platform";
import type { Slot } from "@hearth/protocol";

interface LeasedSlot {
  readonly tokens: number;
  readonly takenAt: number;
  /** A heartbeat may have counted it. */
  reported: boolean;
}

/** The leased slots of one model, with sums over those that no heartbeat has counted, because every pick reads them. */
interface Taken {
  readonly slots: Set<LeasedSlot>;
  unreportedTokens: number;
  tokensAhead: number;
}

const NONE: ReadonlyMap<string, number> = new Map();

/** Most tokens that a request counts as work ahead: most answers end long before their bound. */
const EXPECTED_SLOT_TOKENS = 512;

/** What runs on one provider: slots that we have leased, and other work according to its last heartbeat. */
export class LeasedSlots {
  readonly #clock: Clock;
  #freed: () => void;
  readonly #taken = new Map<string, Taken>();
  /** Work that is not ours, as of the last heartbeat. */
  #foreign: ReadonlyMap<string, number> = NONE;
  #reportedAt: number;

  /** @param freed called when a slot is given back */
  constructor(clock: Clock, freed: () => void) {
    this.#clock = clock;
    this.#freed = freed;
    this.#reportedAt = clock.now();
  }

  /** From now on calls another `freed`. */
  handOver(freed: () => void): void {
    this.#freed = freed;
  }

  /** When the last heartbeat came, or when the provider connected. */
  get reportedAt(): number {
    return this.#reportedAt;
  }

  acquire(model: string, tokens: number): Disposable {
    const slot: LeasedSlot = { tokens, takenAt: this.#clock.now(), reported: false };
    const taken = this.#taken.get(model) ?? { slots: new Set(), unreportedTokens: 0, tokensAhead: 0 };
    this.#taken.set(model, taken);
    taken.slots.add(slot);
    count(taken, slot, 1);
    return {
      [Symbol.dispose]: () => {
        if (!taken.slots.delete(slot)) return;
        if (!slot.reported) count(taken, slot, -1);
        // A provider may name ever new models, so entries without leases are not kept.
        if (taken.slots.size === 0 && this.#taken.get(model) === taken) this.#taken.delete(model);
        this.#freed();
      },
    };
  }

  /** A heartbeat has come. */
  report(slots: readonly Slot[]): void {
    this.#foreign = this.#foreignOf(slots);
    this.#reportedAt = this.#clock.now();
    for (const taken of this.#taken.values()) {
      for (const slot of taken.slots) {
        if (slot.reported || slot.takenAt >= this.#reportedAt) continue;
        slot.reported = true;
        count(taken, slot, -1);
      }
    }
  }

  /**
   * Made anew, so that a provider cannot make it grow, and only where there is any: idle machines beat all the time. V8
   * clears a map that has grown old by making another in the same, old part of its memory, which costs it a full
   * collection by and by.
   */
  #foreignOf(slots: readonly Slot[]): ReadonlyMap<string, number> {
    let foreign: Map<string, number> | undefined;
    for (const { model, running } of slots) {
      const others = running - this.inFlight(model);
      if (others > 0) foreign = (foreign ?? new Map<string, number>()).set(model, others);
    }
    return foreign ?? NONE;
  }

  /** Number of models with leased slots. */
  get models(): number {
    return this.#taken.size;
  }

  inFlight(model: string): number {
    return this.#taken.get(model)?.slots.size ?? 0;
  }

  load(model: string): number {
    return this.inFlight(model) + (this.#foreign.get(model) ?? 0);
  }

  /** Expected tokens of the slots that the last heartbeat cannot have counted. */
  tokensAhead(model: string): number {
    return this.#taken.get(model)?.tokensAhead ?? 0;
  }

  /** The most tokens that these slots may come to. */
  unreportedTokens(model: string): number {
    return this.#taken.get(model)?.unreportedTokens ?? 0;
  }
}

function count(taken: Taken, { tokens }: LeasedSlot, times: 1 | -1): void {
  taken.unreportedTokens += times * tokens;
  taken.tokensAhead += times * Math.min(tokens, EXPECTED_SLOT_TOKENS);
}
