import { BoundedMap } from "@hearth/platform";
import type { Contender } from "./contenders.js";

/** Models whose requests are counted at most. */
const MAX_MODELS = 2_048;

/**
 * Lets machines without evidence earn some beside others that have it. Together they get one in so many of a model's
 * requests, and the machines of one account, however many, only one request at a time.
 */
export class Exploration {
  readonly #since = new BoundedMap<string, number>(MAX_MODELS);
  readonly #exploring = new Set<string>();

  /**
   * A provider is about to be chosen for a request of this model.
   *
   * @returns the machines to choose from for exploration, the best of each account; empty = not this time
   */
  next(model: string, unknown: readonly Contender[], oneIn: number): readonly Contender[] {
    const since = (this.#since.get(model) ?? 0) + 1;
    const due = since >= oneIn ? this.#bestOfEach(unknown) : [];
    this.#since.set(model, due.length > 0 ? 0 : Math.min(since, oneIn));
    return due;
  }

  /** Until the result is disposed, no other request explores a machine of this account. */
  begin(account: string): Disposable {
    this.#exploring.add(account);
    return { [Symbol.dispose]: () => this.#exploring.delete(account) };
  }

  #bestOfEach(candidates: readonly Contender[]): readonly Contender[] {
    const best = new Map<string, Contender>();
    for (const candidate of candidates) {
      const { account } = candidate.provider;
      if (this.#exploring.has(account)) continue;
      if (candidate.total < (best.get(account)?.total ?? Number.POSITIVE_INFINITY)) best.set(account, candidate);
    }
    return [...best.values()];
  }
}
