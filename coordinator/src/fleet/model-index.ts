import type { ModelAdvert, ProviderId } from "@hearth/protocol";
import type { Provider } from "./provider.js";
import type { Looked, Looks } from "./work-tally.js";

interface OfModel {
  /** In the order in which they have named it. */
  readonly providers: Map<ProviderId, Provider>;
  /** The same as a list, made on demand; `undefined` after a change. */
  list: readonly Provider[] | undefined;
  readonly looks: Counted;
}

type Counted = { -readonly [K in keyof Looks]: Looks[K] };

interface Named {
  readonly provider: Provider;
  readonly models: ReadonlyMap<string, ModelAdvert>;
}

const NOBODY: readonly Provider[] = [];

/** Which machines name a model, and how often each model was looked for. */
export class ModelIndex {
  readonly #byModel = new Map<string, OfModel>();
  readonly #named = new Map<ProviderId, Named>();
  readonly #looks: Counted = { first: 0, contests: 0 };

  /**
   * Notes the models that a machine names now. Costs nothing if they have not changed.
   *
   * @returns whether they have changed
   */
  set(provider: Provider): boolean {
    const { id, models } = provider;
    const before = this.#named.get(id);
    if (before?.provider === provider && before.models === models) return false;
    this.#named.set(id, { provider, models });
    for (const model of before?.models.keys() ?? []) if (!models.has(model)) this.#remove(model, id);
    for (const model of models.keys()) this.#add(model, provider);
    return true;
  }

  delete(id: ProviderId): void {
    for (const model of this.#named.get(id)?.models.keys() ?? []) this.#remove(model, id);
    this.#named.delete(id);
  }

  has(model: string): boolean {
    return this.#byModel.has(model);
  }

  /** Machines that name it, in the order in which they began to. The same array as before unless they have changed. */
  of(model: string): readonly Provider[] {
    const ofModel = this.#byModel.get(model);
    if (ofModel === undefined) return NOBODY;
    ofModel.list ??= [...ofModel.providers.values()];
    return ofModel.list;
  }

  /** Every model that a machine names. */
  models(): Iterable<string> {
    return this.#byModel.keys();
  }

  /** Counts a search for a provider. */
  looked({ model, isFirst, winner }: Pick<Looked, "model" | "isFirst" | "winner">): void {
    const own = this.#byModel.get(model)?.looks;
    if (isFirst) {
      this.#looks.first += 1;
      if (own !== undefined) own.first += 1;
    }
    if (winner !== undefined && own !== undefined) own.contests += 1;
  }

  /** The searches for all models. */
  get looks(): Looks {
    return this.#looks;
  }

  /** The searches for each model that a machine names, as live counters. */
  looksOf({ id }: Provider): readonly Looks[] {
    const models = this.#named.get(id)?.models.keys() ?? [];
    return [...models].flatMap((model) => this.#byModel.get(model)?.looks ?? []);
  }

  #add(model: string, provider: Provider): void {
    const ofModel = this.#byModel.get(model) ?? newOfModel();
    this.#byModel.set(model, ofModel);
    if (ofModel.providers.get(provider.id) === provider) return;
    ofModel.providers.set(provider.id, provider);
    ofModel.list = undefined;
  }

  #remove(model: string, id: ProviderId): void {
    const ofModel = this.#byModel.get(model);
    if (ofModel === undefined) return;
    ofModel.providers.delete(id);
    ofModel.list = undefined;
    if (ofModel.providers.size === 0) this.#byModel.delete(model);
  }
}

function newOfModel(): OfModel {
  return { providers: new Map(), list: undefined, looks: { first: 0, contests: 0 } };
}
