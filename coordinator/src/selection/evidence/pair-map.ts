import type { ProviderId } from "@hearth/protocol";

/** What is kept of one machine with one model. */
export interface Pair {
  readonly provider: ProviderId;
  readonly model: string;
}

/**
 * Pairs of a machine and a model, so many at most: the one that was set longest ago makes room. A pair is found without
 * a key being put together, because every machine of a model is looked up at each choice.
 */
export class PairMap<P extends Pair> {
  readonly #byModel = new Map<string, Map<ProviderId, P>>();
  /** From the oldest to the youngest. */
  readonly #pairs = new Set<P>();

  get size(): number {
    return this.#pairs.size;
  }

  get(provider: ProviderId, model: string): P | undefined {
    return this.#byModel.get(model)?.get(provider);
  }

  /**
   * Adds or replaces; either way the pair is the youngest now.
   *
   * @param max pairs to keep, at least 1
   */
  set(pair: P, max: number): void {
    const ofModel = this.#byModel.get(pair.model) ?? new Map<ProviderId, P>();
    this.#byModel.set(pair.model, ofModel);
    const before = ofModel.get(pair.provider);
    if (before !== undefined) this.#pairs.delete(before);
    ofModel.set(pair.provider, pair);
    this.#pairs.add(pair);
    for (const oldest of this.#pairs) {
      if (this.#pairs.size <= max) break;
      this.#remove(oldest);
    }
  }

  #remove(pair: P): void {
    this.#pairs.delete(pair);
    const ofModel = this.#byModel.get(pair.model);
    ofModel?.delete(pair.provider);
    if (ofModel?.size === 0) this.#byModel.delete(pair.model);
  }
}
