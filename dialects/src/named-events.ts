import { isObject, parseProviderJson } from "./provider-json.js";

/** An event of a dialect whose events have names. */
export interface NamedEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The event in the `data` of a stream of named events, or an error without a name; `undefined` for anything else. */
export function parseNamedEvent(data: string): NamedEvent | undefined {
  const value = parseProviderJson(data);
  if (!isObject(value)) return undefined;
  const { type, error } = value;
  if (typeof type === "string") return value as NamedEvent;
  return error === undefined || error === null ? undefined : { type: "error", error };
}
