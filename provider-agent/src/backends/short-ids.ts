import { LIMITS } from "@hearth/protocol";
import type { ServedModel } from "./server-profile.js";

/** The protocol's bound of a model's id, characters. */
const MAX_ID = 128;

/** Absolute, or relative to a folder that is named as one, or below one of Windows. */
const PATH = /^(?:[/~]|\.{1,2}[\\/]|[A-Za-z]:[\\/])|\\/;
/** A relative one of a file; organisations and their models are separated by slashes too. */
const FILE = /\/[^/]*\.gguf$/i;
/** `models--ORGANISATION--NAME/snapshots/REVISION` of a hub cache. */
const SNAPSHOT = /^models--(.+)$/;

/**
 * Gives models whose ids are paths of the owner's machine the name of the file or folder: its other folders are nobody's
 * business, and no other machine has them. Of two files of one name, the second gets its folder's name as well.
 *
 * @returns what can be advertised, with the id that the server knows where it is another one
 */
export function withShortIds(models: readonly ServedModel[]): readonly ServedModel[] {
  const taken = new Set(models.map(({ advert }) => advert.id).filter((id) => !isPath(id)));
  const named: ServedModel[] = [];
  for (const model of models) {
    const { id } = model.advert;
    const short = isPath(id) ? namesOf(id).find((name) => !taken.has(name)) : id;
    if (short === undefined || short.length > MAX_ID || named.length >= LIMITS.modelsPerProvider) continue;
    taken.add(short);
    named.push(short === id ? model : renamed(model, short));
  }
  return named;
}

const isPath = (id: string): boolean => PATH.test(id) || FILE.test(id);

function renamed(model: ServedModel, id: string): ServedModel {
  const serverId = model.advert.id;
  return { ...model, advert: { ...model.advert, id }, serverId };
}

/** The shortest first. */
function namesOf(path: string): readonly string[] {
  const parts = path.split(/[\\/]+/).filter((part) => part !== "" && part !== "." && part !== "..");
  const [folder, name] = parts.slice(-2);
  const hub = SNAPSHOT.exec(parts.at(-3) ?? "")?.[1];
  if (hub !== undefined && folder === "snapshots") return [hub.split("--").join("/")];
  if (name === undefined) return folder === undefined ? [] : [folder];
  return [name, `${folder}/${name}`];
}
