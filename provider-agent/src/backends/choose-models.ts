import { isCloudName } from "./cloud-name.js";
import type { ServedModel } from "./server-profile.js";

/** What of a server's models is lent. */
export interface ChosenModels {
  readonly models: readonly ServedModel[];
  /** What the owner names and the server does not have. */
  readonly missing: readonly string[];
}

/**
 * Chooses what the owner names, under the name that he gives it unless that is a path; all, where he names nothing.
 *
 * @param listsAll the server serves what it lists and nothing else, though it may answer to any name with what it has
 */
export function chooseModels(
  served: readonly ServedModel[],
  wanted: readonly string[],
  listsAll: boolean,
): ChosenModels {
  if (wanted.length === 0) return { models: served, missing: [] };
  const models: ServedModel[] = [];
  const missing: string[] = [];
  for (const id of new Set(wanted)) {
    const found = served.find(({ advert }) => advert.id === id) ?? underName(served, id);
    if (found !== undefined) models.push(found);
    else if (listsAll || isCloudName(id)) missing.push(id);
    else models.push(believed(id));
  }
  return { models, missing };
}

function underName(served: readonly ServedModel[], id: string): ServedModel | undefined {
  const shortened = served.find(({ serverId }) => serverId === id);
  if (shortened !== undefined) return shortened;
  const model = served.find(({ aliases = [] }) => aliases.includes(id));
  return model && { ...model, advert: { ...model.advert, id } };
}

/** Some servers list only what is loaded. */
const believed = (id: string): ServedModel => ({ advert: { id, capabilities: {} }, slot: { state: "idle" } });
