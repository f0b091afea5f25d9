import { BoundedMap } from "@hearth/platform";
import type { Contender } from "./contenders.js";

/** Models whose requests are counted at most. */
const MAX_MODELS = 2_048;

/**
 * Lets machines of which nothing is known earn some evidence, beside others of which something is: one in so many of a
 * model's requests, all of them together, and one request an account at a time, however many machines it brings.
 */
export class Exploration {
  readonly #since = new BoundedMap<string, number>(MAX_MODELS);
  readonly #exploring = new Set<string>();

  /**
   * A request of this model is about to be given to somebody.
   *
   * @returns whom to explore with it, the best of each account; empty = nobody, this time
   */
  next(model: string, unknown: readonly Contender[], oneIn: number): readonly Contender[] {
    const since = (this.#since.get(model) ?? 0) + 1;
    const due = since >= oneIn ? this.#bestOfEach(unknown) : [];
    this.#since.set(model, due.length > 0 ? 0 : Math.min(since, oneIn));
    return due;
  }

  /** Until it is disposed, nobody else's request explores a machine of this account. */
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
