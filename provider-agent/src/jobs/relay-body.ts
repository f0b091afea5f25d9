import { LIMITS, type Usage } from "@hearth/protocol";
import type { BodyReader } from "./body-reader.js";
import { JobFailure } from "./job-failure.js";
import type { Outflow } from "./outflow.js";
import { usageInBody } from "./token-usage.js";

/**
 * Passes on an answer that is one JSON body, in as many frames as it takes.
 *
 * @returns what the backend counted in it
 * @throws JobFailure when it is too large, or whatever breaks the body off
 */
export async function relayBody(reader: BodyReader, outflow: Outflow): Promise<Usage | undefined> {
  const body = await reader.readUpTo(LIMITS.responseBodyBytes + 1);
  if (body.length > LIMITS.responseBodyBytes) throw JobFailure.oversize();
  if (body.length === 0) throw JobFailure.truncated();
  const lastAt = Math.max(0, Math.ceil(body.length / LIMITS.responseChunkBytes) - 1) * LIMITS.responseChunkBytes;
  for (let at = 0; at < lastAt; at += LIMITS.responseChunkBytes) {
    outflow.write(body.subarray(at, at + LIMITS.responseChunkBytes), "content");
    await outflow.settled();
  }
  outflow.write(body.subarray(lastAt), "content", true);
  return usageInBody(body);
}
