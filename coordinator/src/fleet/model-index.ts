import type { ModelAdvert, ProviderId } from "@hearth/protocol";

/** Which machines name a model, kept as they change. */
export class ModelIndex {
  readonly #byModel = new Map<string, Set<ProviderId>>();
  readonly #models = new Map<ProviderId, ReadonlyMap<string, ModelAdvert>>();

  /** Takes in what a machine names now. Costs nothing while that has not changed. */
  set(id: ProviderId, models: ReadonlyMap<string, ModelAdvert>): void {
    const before = this.#models.get(id);
    if (before === models) return;
    this.#models.set(id, models);
    for (const model of before?.keys() ?? []) if (!models.has(model)) this.#remove(model, id);
    for (const model of models.keys()) {
      const providers = this.#byModel.get(model);
      if (providers === undefined) this.#byModel.set(model, new Set([id]));
      else providers.add(id);
    }
  }

  delete(id: ProviderId): void {
    for (const model of this.#models.get(id)?.keys() ?? []) this.#remove(model, id);
    this.#models.delete(id);
  }

  has(model: string): boolean {
    return this.#byModel.has(model);
  }

  /** Machines that name it, the one that has done so longest first. */
  of(model: string): Iterable<ProviderId> {
    return this.#byModel.get(model) ?? [];
  }

  /** Every model that somebody names. */
  models(): Iterable<string> {
    return this.#byModel.keys();
  }

  #remove(model: string, id: ProviderId): void {
    const providers = this.#byModel.get(model);
    providers?.delete(id);
    if (providers?.size === 0) this.#byModel.delete(model);
  }
}
