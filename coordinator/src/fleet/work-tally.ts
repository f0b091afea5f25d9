import type { Gate, HeartbeatAckFrame, ProviderId, Rejections } from "@hearth/protocol";

/** What came of looking for somebody among all machines of a model. */
export interface Looked {
  readonly model: string;
  /** The request's first look for this model, rather than one of those while it waits. */
  readonly isFirst: boolean;
  /** Who was chosen among those that nothing was against: the others of those have lost. `undefined` = nobody was. */
  readonly winner: ProviderId | undefined;
  /** Those that something was against, by the first gate of the vocabulary that was. */
  readonly rejected: ReadonlyMap<Gate, readonly ProviderId[]>;
}

/** How often somebody was looked for: counted once, rather than for each machine that was looked at. */
export interface Looks {
  readonly first: number;
  /** Those in which one was chosen among those that nothing was against. */
  readonly contests: number;
}

export const NO_LOOKS: Looks = { first: 0, contests: 0 };

/**
 * What came of one machine in selection since it was last told: a number a gate at most, however much happens. What
 * happens to most machines, that they lose or serve another model, is worked out only when it is to be told.
 */
export class WorkTally {
  #picked = 0;
  /** Contests of its models that it did not lose. */
  #spared = 0;
  #rejected: Rejections = {};
  /** All looks, and those for its own models. */
  #all: Looks = NO_LOOKS;
  #own: readonly Looks[] = [];
  /** What these came to when they were last looked at. */
  #seen: Looks = NO_LOOKS;
  /** What has been looked at, and not been told yet. */
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

  /** This gate was against it at a look: the request's first, or a contest, or both. */
  rejected(gate: Gate, { isFirst, winner }: Pick<Looked, "isFirst" | "winner">): void {
    if (isFirst) this.#rejected[gate] = (this.#rejected[gate] ?? 0) + 1;
    if (winner !== undefined) this.#spared += 1;
  }

  /** Tells what has been counted, and begins anew. */
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

  /** First looks for models that are not its own, and contests for those that are. */
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
