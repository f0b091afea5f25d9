import { usageInBody } from "@hearth/dialects";
import { LIMITS, type Usage } from "@hearth/protocol";
import type { BodyReader } from "./body-reader.js";
import { JobFailure } from "./job-failure.js";
import type { Outflow } from "./outflow.js";
import { writeBody } from "./relay-events.js";

/**
 * Passes on an answer that is one JSON body, in as many frames as it takes.
 *
 * @returns what the backend counted in it
 * @throws JobFailure when it is too large, or whatever breaks the body off
 */
export async function relayBody(reader: BodyReader, outflow: Outflow): Promise<Usage | undefined> {
  const body = await reader.readUpTo(LIMITS.responseBodyBytes + 1);
  if (body.length === 0) throw JobFailure.truncated();
  await writeBody(outflow, body);
  return usageInBody(body);
}
