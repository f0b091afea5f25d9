import { type EventDialectName, unfoldWhole, usageInBody, withoutByteOrderMark } from "@hearth/dialects";
import { LIMITS, type Usage } from "@hearth/protocol";
import type { BodyReader } from "./body-reader.js";
import type { CreditedSender } from "./credited-sender.js";
import { JobFailure } from "./job-failure.js";
import { writeBody } from "./relay-events.js";

/**
 * Passes on an answer that is one JSON body, in as many frames as it takes.
 *
 * @returns what the backend counted in it
 * @throws JobFailure when it is too large, or whatever breaks the body off
 */
export async function relayBody(reader: BodyReader, sender: CreditedSender): Promise<Usage | undefined> {
  const body = await reader.readUpTo(LIMITS.responseBodyBytes + 1);
  if (body.length === 0) throw JobFailure.truncated();
  await writeBody(sender, body);
  return usageInBody(body);
}

/**
 * Reads an answer that came as one JSON body although a stream was asked for.
 *
 * @returns the stream that it stands for
 * @throws JobFailure when it is too large or no answer, or whatever breaks the body off
 */
export async function unfoldBody(reader: BodyReader, dialect: EventDialectName): Promise<Buffer> {
  const body = await reader.readUpTo(LIMITS.responseBodyBytes + 1);
  if (body.length > LIMITS.responseBodyBytes) throw JobFailure.oversize("answer");
  const events = unfoldWhole(dialect, withoutByteOrderMark(body).toString("utf8"));
  if (events === undefined) throw JobFailure.ofPlainBody(body.subarray(0, LIMITS.errorBodyBytes));
  return events;
}
