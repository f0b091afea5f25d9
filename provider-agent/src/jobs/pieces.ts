import { EventTooLarge, type SplitterLimits, SseSplitter } from "@hearth/dialects";
import { MAX_OVERHEAD_BYTES } from "@hearth/e2e";
import { DATA_HEADER_BYTES, LIMITS } from "@hearth/protocol";
import type { BodyReader } from "./body-reader.js";
import { JobFailure } from "./job-failure.js";

/** What fits into one frame, bytes; events that come together travel together up to the piece's size. */
export const EVENT_LIMITS: SplitterLimits = {
  eventBytes: LIMITS.frameBytes - DATA_HEADER_BYTES - MAX_OVERHEAD_BYTES,
  pieceBytes: LIMITS.responseChunkBytes,
};

/** Events that came together. */
export interface Piece {
  readonly events: Uint8Array;
  /** The body ended without the empty line of the last of them, which has been put there. */
  readonly cutOff: boolean;
}

/**
 * A backend's events, whole, as they come.
 *
 * @throws JobFailure when an event is too large, or whatever breaks the body off
 */
export async function* piecesOf(reader: BodyReader): AsyncGenerator<Piece> {
  const splitter = new SseSplitter(EVENT_LIMITS);
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      for (const events of splitter.push(chunk)) yield { events, cutOff: false };
    }
  } catch (thrown) {
    throw thrown instanceof EventTooLarge ? JobFailure.oversize() : thrown;
  }
  const last = splitter.finish();
  if (last !== undefined) yield last;
}
