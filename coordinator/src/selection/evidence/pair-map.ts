import type { ProviderId } from "@hearth/protocol";

/** Something that is kept for one machine with one model. */
export interface Pair {
  readonly provider: ProviderId;
  readonly model: string;
}

interface PairsOfModel<P> {
  readonly pairs: Map<ProviderId, P>;
  revision: number;
}

/**
 * A bounded map of machine × model: the pair that was set longest ago is dropped first. Two levels of maps save joining
 * keys, since every machine of a model is looked up at each choice.
 */
export class PairMap<P extends Pair> {
  readonly #byModel = new Map<string, PairsOfModel<P>>();
  /** From the oldest to the youngest. */
  readonly #pairs = new Set<P>();
  #changes = 0;

  get size(): number {
    return this.#pairs.size;
  }

  get(provider: ProviderId, model: string): P | undefined {
    return this.#byModel.get(model)?.pairs.get(provider);
  }

  /** Changes whenever a pair of this model is added, removed or replaced. */
  revision(model: string): number {
    return this.#byModel.get(model)?.revision ?? 0;
  }

  /**
   * Adds or replaces a pair, which is the youngest afterwards.
   *
   * @param max pairs to keep, at least 1
   */
  set(pair: P, max: number): void {
    const ofModel = this.#byModel.get(pair.model) ?? { pairs: new Map<ProviderId, P>(), revision: 0 };
    this.#byModel.set(pair.model, ofModel);
    const before = ofModel.pairs.get(pair.provider);
    if (before !== undefined) this.#pairs.delete(before);
    if (before !== pair) this.#changed(ofModel);
    ofModel.pairs.set(pair.provider, pair);
    this.#pairs.add(pair);
    for (const oldest of this.#pairs) {
      if (this.#pairs.size <= max) break;
      this.#remove(oldest);
    }
  }

  #remove(pair: P): void {
    this.#pairs.delete(pair);
    const ofModel = this.#byModel.get(pair.model);
    if (ofModel === undefined) return;
    ofModel.pairs.delete(pair.provider);
    this.#changed(ofModel);
    if (ofModel.pairs.size === 0) this.#byModel.delete(pair.model);
  }

  #changed(ofModel: PairsOfModel<P>): void {
    this.#changes += 1;
    ofModel.revision = this.#changes;
  }
}
