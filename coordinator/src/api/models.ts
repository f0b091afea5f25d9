import type { Clock } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { HearthError } from "../platform/errors.js";
import { buildsOf, type Catalog } from "../selection/catalog.js";

/** A model in OpenAI's form, with the members that Anthropic's SDK reads beside them. */
export interface ModelEntry {
  readonly id: string;
  readonly object: "model";
  /** When the provider that has served it longest connected, seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  readonly type: "model";
  readonly display_name: string;
  readonly created_at: string;
}

export interface ModelList {
  readonly object: "list";
  readonly data: readonly ModelEntry[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: false;
}

/** Where the list of models comes from. */
export interface ModelSources {
  readonly directory: Pick<ProviderDirectory, "models" | "serving">;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/** What is served now, sorted by id: the providers' models, and the aliases that one of them can stand in for. */
export function listModels({ clock, ...sources }: ModelSources): ModelList {
  const ids = new Set([...sources.directory.models(), ...sources.catalog.aliases.keys()]);
  const data = [...ids].flatMap((id) => {
    const since = servedSince(sources, id);
    return since === undefined ? [] : entryOf(id, since, clock);
  });
  data.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { object: "list", data, first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false };
}

/** @throws HearthError `model_not_found` when nobody serves it now */
export function findModel({ clock, ...sources }: ModelSources, id: string): ModelEntry {
  const since = servedSince(sources, id);
  if (since === undefined) {
    throw new HearthError("model_not_found", `The model '${id}' does not exist.`, { param: "model" });
  }
  return entryOf(id, since, clock);
}

/** When the provider that has served it longest connected, ms on the coordinator's clock; of an alias, its builds'. */
function servedSince({ directory, catalog }: Omit<ModelSources, "clock">, id: string): number | undefined {
  const builds = catalog.aliases.has(id) ? [id, ...buildsOf(catalog, id)] : [id];
  const since = builds.flatMap((build) => longestConnected(directory.serving(build)) ?? []);
  return since.length === 0 ? undefined : Math.min(...since);
}

/** Who has named the model longest comes first, and nobody behind it is looked at. */
function longestConnected(providers: Iterable<Provider>): number | undefined {
  for (const { status, connectedAt } of providers) if (status !== "offline") return connectedAt;
  return undefined;
}

function entryOf(id: string, since: number, clock: Clock): ModelEntry {
  const created = Math.floor((clock.wallTime() - (clock.now() - since)) / 1000);
  return {
    id,
    object: "model",
    created,
    owned_by: "hearth",
    type: "model",
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
  };
}
