import { type EventDialectName, unfoldWhole, usageInBody, withoutByteOrderMark } from "@hearth/dialects";
import { LIMITS, type Usage } from "@hearth/protocol";
import type { BodyReader } from "./body-reader.js";
import type { CreditedSender } from "./credited-sender.js";
import type { EventScan, ScanResult } from "./event-scan.js";
import { JobFailure } from "./job-failure.js";
import type { Piece } from "./pieces.js";

export interface EventRelay {
  readonly pieces: AsyncIterable<Piece>;
  readonly sender: CreditedSender;
  readonly scan: EventScan;
  readonly hooks: EventRelayHooks;
}

export interface EventRelayHooks {
  /** The scan has read on. @param content whether there was content */
  heard(content: boolean): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Passes a backend's events on until its own end mark or, where the dialect can do without one, the end of its body;
 * the last of them goes into the final frame. Reads on only when everything so far is out, so that a coordinator that
 * grants no credit slows the backend.
 *
 * @throws JobFailure, or whatever breaks the body off
 */
export async function relayEvents({ pieces, sender, scan, hooks }: EventRelay): Promise<void> {
  for await (const { events, cutOff } of pieces) {
    const answered = scan.finished;
    const result = scan.read(events);
    hooks.heard(hasContent(result));
    switch (result.type) {
      case "goes_on":
        // Some leave out the blank line behind their end mark or finish. Anything else without one was cut off, which
        // does not matter when the answer was finished before.
        if (cutOff && answered) break;
        if (cutOff && !scan.finished) throw JobFailure.truncated();
        write(sender, events, result, false);
        break;
      case "ended":
        return write(sender, events, result, true);
      case "failed":
        write(sender, events, result, false);
        await sender.settled();
        throw JobFailure.inStream(result.error, scan.sawContent);
    }
    await sender.settled();
  }
  if (scan.needsEndMark) throw JobFailure.truncated();
  sender.write(NOTHING, scan.sawContent ? "trailer" : "preamble", true);
}

/** Events of one kind travel together. */
function write(sender: CreditedSender, events: Uint8Array, { parts }: ScanResult, final: boolean): void {
  for (const [index, { holds, from, to }] of parts.entries()) {
    if (holds !== "progress") sender.write(events.subarray(from, to), holds, final && index === parts.length - 1);
  }
}

const hasContent = ({ parts }: ScanResult): boolean => parts.some(({ holds }) => holds === "content");

export interface WholeRelay extends EventRelay {
  readonly hooks: WholeRelayHooks;
}

export interface WholeRelayHooks extends EventRelayHooks {
  /** The answer that the events add up to. */
  body(): Uint8Array;
}

/** Bytes of the events of an answer that is sent as a whole, at most: what is folded of them is smaller. */
const FOLDED_EVENTS_BYTES = 2 * LIMITS.responseBodyBytes;

/**
 * Reads a backend's events to their end and sends the one answer that they come to.
 *
 * @throws JobFailure, or whatever breaks the body off
 */
export async function relayWhole({ pieces, sender, scan, hooks }: WholeRelay): Promise<void> {
  let readBytes = 0;
  for await (const { events, cutOff } of pieces) {
    const answered = scan.finished;
    readBytes += events.length;
    if (readBytes > FOLDED_EVENTS_BYTES) throw JobFailure.oversize("answer");
    const result = scan.read(events);
    hooks.heard(hasContent(result));
    if (result.type === "ended" || (cutOff && answered)) break;
    if (result.type === "failed") throw JobFailure.inWhole(result.error, scan.sawContent);
  }
  if (!scan.finished || (scan.needsEndMark && !scan.done)) throw JobFailure.truncated();
  await writeBody(sender, hooks.body());
}

/**
 * Sends an answer that is one JSON body, in as many frames as it takes.
 *
 * @throws JobFailure when it is too large
 */
async function writeBody(sender: CreditedSender, body: Uint8Array): Promise<void> {
  if (body.length > LIMITS.responseBodyBytes) throw JobFailure.oversize("answer");
  const lastAt = Math.max(0, Math.ceil(body.length / LIMITS.responseChunkBytes) - 1) * LIMITS.responseChunkBytes;
  for (let at = 0; at < lastAt; at += LIMITS.responseChunkBytes) {
    sender.write(body.subarray(at, at + LIMITS.responseChunkBytes), "content");
    await sender.settled();
  }
  sender.write(body.subarray(lastAt), "content", true);
}

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
