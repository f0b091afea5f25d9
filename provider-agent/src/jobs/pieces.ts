import { EventTooLarge, type SplitterLimits, SseSplitter } from "@hearth/dialects";
import { LIMITS } from "@hearth/protocol";
import { JobFailure } from "./job-failure.js";

/** How large an event may be, bytes; events that come together travel together up to the piece's size. */
export const EVENT_LIMITS: SplitterLimits = {
  eventBytes: LIMITS.responseEventBytes,
  pieceBytes: LIMITS.responseChunkBytes,
};

/** Events that came together. */
export interface Piece {
  readonly events: Uint8Array;
  /** The body ended without the empty line of the last of them, which has been put there. */
  readonly cutOff: boolean;
}

/** Where the bytes of a stream come from. */
export interface ChunkSource {
  /** @returns `undefined` at the end. @throws Error when there is none */
  next(): Promise<Uint8Array | undefined>;
}

/** Bytes that are all here. */
export function only(bytes: Uint8Array): ChunkSource {
  let left: Uint8Array | undefined = bytes;
  return {
    async next() {
      const chunk = left;
      left = undefined;
      return chunk;
    },
  };
}

/**
 * A backend's events, whole, as they come.
 *
 * @throws JobFailure when an event is too large, or whatever breaks the body off
 */
export async function* piecesOf(source: ChunkSource): AsyncGenerator<Piece> {
  const splitter = new SseSplitter(EVENT_LIMITS);
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      for (const events of splitter.push(chunk)) yield { events, cutOff: false };
    }
  } catch (thrown) {
    throw thrown instanceof EventTooLarge ? JobFailure.oversize("event", thrown) : thrown;
  }
  const last = splitter.finish();
  if (last !== undefined) yield last;
}
