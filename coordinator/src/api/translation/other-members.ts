import type { RawJson } from "@hearth/dialects";
import type { BodyText } from "../json/body-text.js";

/**
 * What the consumer sent beyond its dialect (a seed, a backend's own setting), as it was written.
 *
 * @param spokenFor members that mean nothing to a chat backend, or that have been said in its own terms
 */
export function otherMembers(
  body: Readonly<Record<string, unknown>>,
  text: BodyText,
  spokenFor: ReadonlySet<string>,
): Record<string, RawJson> {
  const others: Record<string, RawJson> = {};
  for (const [key, value] of Object.entries(body)) {
    if (value !== null && value !== undefined && !spokenFor.has(key)) others[key] = text.at([key], value);
  }
  return others;
}
