import { LIMITS, type RequestFrame } from "@hearth/protocol";
import type { Clock } from "../platform/clock.js";
import type { BodyReader } from "./body-reader.js";
import type { EventScan, ScanResult } from "./event-scan.js";
import { JobFailure } from "./job-failure.js";
import type { AnswerPart, Outflow } from "./outflow.js";
import { SseSplitter } from "./sse-splitter.js";
import { WholeBatcher } from "./whole-batcher.js";

export interface EventRelay {
  readonly reader: BodyReader;
  readonly outflow: Outflow;
  readonly scan: EventScan;
  readonly clock: Clock;
  readonly delivery: RequestFrame["delivery"];
  /** Told when `scan` has read on. */
  readonly heard: () => void;
}

/**
 * Passes a backend's events on until its own end mark or, where the dialect can do without one, the end of its body;
 * the last of them goes into the final frame. Reads on only when everything so far is out, so that a coordinator that
 * grants no credit slows the backend.
 *
 * @throws JobFailure, or whatever breaks the body off
 */
export async function relayEvents(relay: EventRelay): Promise<void> {
  const { reader, outflow, scan, clock, delivery, heard } = relay;
  const splitter = new SseSplitter();
  using batcher = new WholeBatcher(clock, (events) => outflow.write(events, "content"));
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    for (const events of splitter.push(chunk)) {
      const hold = delivery === "whole" && scan.sawContent;
      const result = scan.read(events);
      heard();
      if (result.type !== "goes_on") return await finish(result, events, batcher, relay);
      if (hold) batcher.add(events);
      else outflow.write(events, holding(scan));
    }
    await outflow.settled();
  }
  const rest = splitter.finish();
  if (rest === undefined) {
    if (scan.needsEndMark) throw JobFailure.truncated();
    return writeLast(relay, batcher.take());
  }
  // Some end with their end mark and no blank line; anything else without one was cut off.
  const result = scan.read(rest);
  if (result.type === "goes_on") throw JobFailure.truncated();
  await finish(result, rest, batcher, relay);
}

type LastResult = Exclude<ScanResult, { readonly type: "goes_on" }>;

/** Sends the last events. @throws JobFailure when the last of them was an error, once it is out */
async function finish(result: LastResult, events: Uint8Array, batcher: WholeBatcher, relay: EventRelay): Promise<void> {
  const { outflow, scan } = relay;
  const last = events.subarray(0, result.bytes);
  switch (result.type) {
    case "ended":
      return writeLast(relay, batcher.take(), last);
    case "failed":
      batcher.flush();
      outflow.write(last, holding(scan));
      await outflow.settled();
      throw JobFailure.inStream(result.error, scan.sawContent);
  }
}

function writeLast({ outflow, scan }: EventRelay, held: Uint8Array, events: Uint8Array = new Uint8Array(0)): void {
  const holds = holding(scan);
  if (held.length > 0 && held.length + events.length > LIMITS.responseChunkBytes) {
    outflow.write(held, holds);
    return outflow.write(events, holds, true);
  }
  outflow.write(held.length === 0 ? events : Buffer.concat([held, events]), holds, true);
}

const holding = (scan: EventScan): AnswerPart => (scan.sawContent ? "content" : "preamble");
