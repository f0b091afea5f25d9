import type { Clock } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
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
  readonly providers: Iterable<Provider>;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/** What is served now, sorted by id: the providers' models, and the aliases that one of them can stand in for. */
export function listModels({ clock, ...sources }: ModelSources): ModelList {
  const data = [...servedSince(sources)].map(([id, since]) => entryOf(id, since, clock));
  data.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { object: "list", data, first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false };
}

/** @throws HearthError `model_not_found` when nobody serves it now */
export function findModel({ clock, ...sources }: ModelSources, id: string): ModelEntry {
  const since = servedSince(sources).get(id);
  if (since === undefined) {
    throw new HearthError("model_not_found", `The model '${id}' does not exist.`, { param: "model" });
  }
  return entryOf(id, since, clock);
}

/** By model: when the first of its providers connected, ms on the coordinator's clock. */
function servedSince({ providers, catalog }: Pick<ModelSources, "providers" | "catalog">): Map<string, number> {
  const since = new Map<string, number>();
  for (const { models, connectedAt } of providers) {
    for (const id of models.keys()) since.set(id, Math.min(since.get(id) ?? connectedAt, connectedAt));
  }
  for (const alias of catalog.aliases.keys()) {
    const builds = buildsOf(catalog, alias).flatMap((build) => since.get(build) ?? []);
    if (builds.length > 0) since.set(alias, Math.min(...builds));
  }
  return since;
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
