import type { RawJson } from "@hearth/dialects";
import type { BackendDialect } from "@hearth/protocol";
import type { BodyText } from "../json/body-text.js";
import { REQUEST_MEMBERS } from "../members/request-members.js";

/** What the consumer sent for a backend (a seed, a sampler), as it was written, for a body of another dialect. */
export function passedMembers(
  dialect: BackendDialect,
  body: Readonly<Record<string, unknown>>,
  text: BodyText,
): Record<string, RawJson> {
  const fates = REQUEST_MEMBERS[dialect];
  const passed: Record<string, RawJson> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined || !Object.hasOwn(fates, name)) continue;
    if (fates[name] === "passed") passed[name] = text.at([name], value);
  }
  return passed;
}
