import { errorIn } from "./error-forms.js";
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
  // vLLM's errors have the name of their class for a type.
  if (typeof value["type"] === "string" && value["object"] !== "error") return value as NamedEvent;
  const error = errorIn(value);
  return error === undefined ? undefined : { type: "error", error };
}
