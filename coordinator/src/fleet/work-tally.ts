import type { Gate, HeartbeatAckFrame, ProviderId, Rejections } from "@hearth/protocol";

/** The result of one search among all machines of a model. */
export interface Looked {
  readonly model: string;
  /** The request's first search for this model, rather than one made while it waits. */
  readonly isFirst: boolean;
  /** The machine chosen among those without a closed gate; the others of these have lost. `undefined` = none. */
  readonly winner: ProviderId | undefined;
  /** The machines with a closed gate, by the first such gate in the order of `GATES`. */
  readonly rejected: ReadonlyMap<Gate, readonly ProviderId[]>;
}

/** Counts of searches, kept once for all machines rather than for each. */
export interface Looks {
  readonly first: number;
  /** Searches in which a machine without a closed gate was chosen. */
  readonly contests: number;
}

export const NO_LOOKS: Looks = { first: 0, contests: 0 };

/**
 * How one machine fared in selection since it was last told. The most frequent results, that a machine loses or serves
 * another model, are not counted at each search but computed from `Looks` when they are to be told.
 */
export class WorkTally {
  #picked = 0;
  /** Contests for its models that it did not lose. */
  #spared = 0;
  #rejected: Rejections = {};
  /** Counters of all searches, and of those for its own models. */
  #all: Looks = NO_LOOKS;
  #own: readonly Looks[] = [];
  /** Their sum when it was last read. */
  #seen: Looks = NO_LOOKS;
  /** Read from them, and not told yet. */
  #contests = 0;
  #elsewhere = 0;

  /** From now on it serves these models, and no others. */
  follow(all: Looks, own: readonly Looks[]): void {
    this.#lookUp();
    this.#all = all;
    this.#own = own;
    this.#seen = this.#total();
  }

  picked(): void {
    this.#picked += 1;
  }

  /** It has won a contest. */
  won(): void {
    this.#spared += 1;
  }

  /** This gate was closed for it in a search: a request's first, or a contest, or both. */
  rejected(gate: Gate, { isFirst, winner }: Pick<Looked, "isFirst" | "winner">): void {
    if (isFirst) this.#rejected[gate] = (this.#rejected[gate] ?? 0) + 1;
    if (winner !== undefined) this.#spared += 1;
  }

  /** Returns the counts and resets them. */
  take(): Pick<HeartbeatAckFrame, "picked" | "lost" | "rejected"> {
    this.#lookUp();
    if (this.#elsewhere > 0) this.#rejected.not_serving_model = this.#elsewhere;
    const taken = { picked: this.#picked, lost: this.#contests - this.#spared, rejected: this.#rejected };
    this.#picked = 0;
    this.#spared = 0;
    this.#contests = 0;
    this.#elsewhere = 0;
    this.#rejected = {};
    return taken;
  }

  #lookUp(): void {
    const { first, contests } = this.#total();
    this.#elsewhere += first - this.#seen.first;
    this.#contests += contests - this.#seen.contests;
    this.#seen = { first, contests };
  }

  /** First searches for models that are not its own, and contests for those that are. */
  #total(): Looks {
    let { first } = this.#all;
    let contests = 0;
    for (const own of this.#own) {
      first -= own.first;
      contests += own.contests;
    }
    return { first, contests };
  }
}
