import type { Clock } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { FREE, type PriceRange, type Tariff } from "../ledger/price-list.js";
import { HearthError } from "../platform/errors.js";
import type { Steps } from "../platform/steps.js";
import { servesForMoney } from "../request/quote-of.js";
import { type Catalog, enabledBuildsOf } from "../selection/catalog.js";
import type { Offers } from "../selection/offers.js";
import { anthropicModel, type FoundModel, openAiModel } from "./model-forms.js";

/** Where the list of models comes from. */
export interface ModelSources {
  readonly directory: Pick<ProviderDirectory, "models" | "serving">;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly offers: Offers;
  /** The prices as they stand now; `undefined` = nothing has any. */
  readonly tariff: Tariff | undefined;
}

/** Who asks, and in whose form the answer is to be. */
export interface ModelReader {
  readonly account: string;
  /** Those that he may use; absent = all. */
  readonly allowedModels?: ReadonlySet<string> | undefined;
  readonly form: "openai" | "anthropic";
}

/** A part of the list. */
export interface ModelPage {
  readonly limit?: number | undefined;
  /** The id before the first, or behind the last; one that is gone is where it would be. */
  readonly after?: string | undefined;
  readonly before?: string | undefined;
}

/** Pairs of machine and model that are read in one go: about a millisecond. */
const PAIRS_AT_ONCE = 500;
/** Entries that are written in one go. */
const ENTRIES_AT_ONCE = 200;

/**
 * What is served now as a JSON text, sorted by id: the providers' models, and the aliases that one of them can stand in
 * for.
 */
export function* modelListSteps(sources: ModelSources, reader: ModelReader, page: ModelPage = {}): Steps<string> {
  const { directory, catalog, offers } = sources;
  const names = new Set([...directory.models(), ...catalog.aliases.keys()]);
  const served = [...names].filter((id) => isAllowed(id, reader) && servedSince(sources, id) !== undefined);
  served.sort();
  yield;
  const { ids, hasMore } = pageOf(served, page);
  const found: FoundModel[] = [];
  const entries: string[] = [];
  let cost = 0;
  for (const id of ids) {
    for (const build of namesOf(sources, id)) cost += offers.toRead(build) / PAIRS_AT_ONCE;
    cost += 1 / ENTRIES_AT_ONCE;
    const model = find(sources, id, reader.account);
    if (model !== undefined) {
      found.push(model);
      entries.push(JSON.stringify(written(model, reader)));
    }
    if (cost < 1) continue;
    cost = 0;
    yield;
  }
  const ends = JSON.stringify({
    first_id: found.at(0)?.id ?? null,
    last_id: found.at(-1)?.id ?? null,
    has_more: hasMore,
  });
  const head = reader.form === "openai" ? '{"object":"list",' : "{";
  return `${head}"data":[${entries.join(",")}],${ends.slice(1)}`;
}

/** @throws HearthError `model_not_found` when nobody serves it now */
export function findModel(sources: ModelSources, id: string, reader: ModelReader): object {
  const found = isAllowed(id, reader) ? find(sources, id, reader.account) : undefined;
  if (found === undefined) {
    throw new HearthError("model_not_found", `The model '${id}' does not exist.`, { param: "model" });
  }
  return written(found, reader);
}

const isAllowed = (id: string, { allowedModels }: ModelReader): boolean => allowedModels?.has(id) ?? true;

function pageOf(served: readonly string[], { limit = served.length, after, before }: ModelPage) {
  const within = served.filter((id) => (after === undefined || id > after) && (before === undefined || id < before));
  // Backwards from `before`, as Anthropic's pages go.
  const ids = before === undefined || after !== undefined ? within.slice(0, limit) : within.slice(-limit);
  return { ids, hasMore: ids.length < within.length };
}

function find(sources: ModelSources, id: string, account: string): FoundModel | undefined {
  const since = servedSince(sources, id);
  if (since === undefined) return undefined;
  const { clock, offers } = sources;
  const offer = offers.of(namesOf(sources, id), account);
  // What owners keep to themselves is nobody else's business.
  if (offer.providers === 0) return undefined;
  const created = Math.floor((clock.wallTime() - (clock.now() - since)) / 1000);
  const prices = priceRangeOf(sources, id, account);
  return { id, created, offer, ...(prices === undefined ? {} : { prices }) };
}

const ALL_FREE: PriceRange = { platform: FREE, cheapest: FREE, dearest: FREE };

/**
 * What a request for it may cost now, by the machines that are here or expected back: what it is quoted by when it comes.
 * What has no price among others that have one is free.
 *
 * @returns `undefined` = nothing has a price here
 */
export function priceRangeOf(
  { tariff, catalog, directory }: Pick<ModelSources, "tariff" | "catalog" | "directory">,
  id: string,
  account: string,
): PriceRange | undefined {
  if (tariff === undefined) return undefined;
  const range = tariff.range(enabledBuildsOf(catalog, id), (build) =>
    directory.serving(build).filter((one) => servesForMoney(one, account)),
  );
  return range ?? ALL_FREE;
}

/** Under what names a request for this one is served; none while it is switched off. */
function namesOf({ catalog }: ModelSources, id: string): readonly string[] {
  const builds = enabledBuildsOf(catalog, id);
  return builds.length > 0 && catalog.aliases.has(id) ? [...new Set([id, ...builds])] : builds;
}

/** When the provider that has served it longest connected, ms on the coordinator's clock; of an alias, its builds'. */
function servedSince(sources: ModelSources, id: string): number | undefined {
  const since = namesOf(sources, id).flatMap((name) => longestConnected(sources.directory.serving(name)) ?? []);
  return since.length === 0 ? undefined : Math.min(...since);
}

/** Who has named the model longest comes first, and nobody behind it is looked at. */
function longestConnected(providers: Iterable<Provider>): number | undefined {
  for (const { status, connectedAt } of providers) if (status !== "offline") return connectedAt;
  return undefined;
}

function written(found: FoundModel, { form }: ModelReader): object {
  switch (form) {
    case "openai":
      return openAiModel(found);
    case "anthropic":
      return anthropicModel(found);
  }
}
