import { isDeepStrictEqual } from "node:util";
import { parse, stringify, type TomlTable, type TomlValue } from "smol-toml";
import { AgentError } from "../platform/agent-error.js";
import { locate, type Place, type Step } from "./toml-places.js";

/** Text with one value changed. */
export interface Edited {
  readonly text: string;
  /** Comments and layout are as they were; else the file had to be written anew. */
  readonly keptComments: boolean;
}

/**
 * Sets one value in valid TOML text.
 *
 * @param value `undefined` removes it
 * @throws AgentError `config_invalid` when the path leads through something that is not there or is no table
 */
export function setInToml(text: string, path: readonly Step[], value: TomlValue | undefined): Edited {
  const wanted = parse(text);
  setInDocument(wanted, path, value);
  const edited = value === undefined ? withoutLine(text, path) : withValue(text, path, value);
  if (edited !== undefined && parsesTo(edited, wanted)) return { text: edited, keptComments: true };
  return { text: stringify(wanted), keptComments: false };
}

function setInDocument(document: TomlTable, path: readonly Step[], value: TomlValue | undefined): void {
  let at = document as Record<string, unknown>;
  path.slice(0, -1).forEach((step, i) => {
    const next = at[step];
    const isMissing = next === undefined && typeof step === "string" && typeof path[i + 1] === "string";
    if (isMissing) at[step] = {};
    else if (next === null || typeof next !== "object") throw nowhere(path.slice(0, i + 1));
    at = at[step] as Record<string, unknown>;
  });
  const last = path.at(-1) ?? "";
  if (value === undefined) delete at[last];
  else at[last] = value;
}

function nowhere(path: readonly Step[]): AgentError {
  return new AgentError(
    "config_invalid",
    `Nothing was changed: there is no ${path.join(".")} in the file to set that in. 'hearth-agent config edit' opens it.`,
  );
}

function parsesTo(text: string, wanted: TomlTable): boolean {
  try {
    return isDeepStrictEqual(parse(text), parse(stringify(wanted)));
  } catch {
    return false;
  }
}

function find(places: readonly Place[], path: readonly Step[], kind: Place["kind"]): Place | undefined {
  return places.find((place) => place.kind === kind && isDeepStrictEqual(place.path, path));
}

function withValue(text: string, path: readonly Step[], value: TomlValue): string | undefined {
  const places = locate(text);
  const written = inline(value);
  const existing = find(places, path, "value");
  if (written === undefined) return undefined;
  if (existing !== undefined) return text.slice(0, existing.from) + written + text.slice(existing.until);
  const parent = path.slice(0, -1);
  const line = `${key(path.at(-1))} = ${written}`;
  const table = find(places, parent, "table");
  if (parent.length === 0) return insertAtRoot(text, places, line);
  if (table !== undefined) return insertInTable(text, places, table, line);
  if (parent.some((step) => typeof step === "number")) return undefined;
  return `${text.trimEnd()}\n\n[${parent.map(key).join(".")}]\n${line}\n`.trimStart();
}

function insertAtRoot(text: string, places: readonly Place[], line: string): string {
  const own = places.filter(({ kind, path }) => kind === "value" && path.length === 1);
  const firstTable = places.find(({ kind }) => kind === "table");
  const last = own.findLast(({ from }) => firstTable === undefined || from < firstTable.from);
  if (last !== undefined) return insertBelow(text, last.until, line);
  if (firstTable === undefined) return `${text.trimEnd()}\n${line}\n`.trimStart();
  const start = text.lastIndexOf("\n", firstTable.from) + 1;
  return `${text.slice(0, start)}${line}\n\n${text.slice(start)}`;
}

function insertInTable(text: string, places: readonly Place[], table: Place, line: string): string {
  const after = places.slice(places.indexOf(table) + 1);
  const end = after.findIndex(({ kind }) => kind === "table");
  const last = (end === -1 ? after : after.slice(0, end)).at(-1) ?? table;
  return insertBelow(text, last.until, line);
}

/** Behind the line on which `offset` is. */
function insertBelow(text: string, offset: number, line: string): string {
  const end = text.indexOf("\n", offset);
  if (end === -1) return `${text}\n${line}\n`;
  return `${text.slice(0, end)}\n${line}${text.slice(end)}`;
}

function withoutLine(text: string, path: readonly Step[]): string | undefined {
  const existing = find(locate(text), path, "value");
  if (existing === undefined) return undefined;
  const start = text.lastIndexOf("\n", existing.from) + 1;
  const end = text.indexOf("\n", existing.until);
  return text.slice(0, start) + (end === -1 ? "" : text.slice(end + 1));
}

const key = (step: Step | undefined): string => {
  const name = String(step ?? "");
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
};

/** A value on one line; tables have none that reads well. */
function inline(value: TomlValue): string | undefined {
  if (Array.isArray(value) ? value.some((each) => typeof each === "object") : typeof value === "object") {
    return undefined;
  }
  return stringify({ v: value }).trim().replace(/^v = /, "");
}
