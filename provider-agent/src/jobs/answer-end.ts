import { type Clock, sleep } from "@hearth/platform";
import type { EventScan } from "./event-scan.js";
import type { ChunkSource } from "./pieces.js";

/**
 * How long a stream may go on without another event when its answer is finished, ms: generous for the usage chunk, which
 * servers send at once.
 */
export const ANSWER_END_MS = 5_000;

export interface AnswerEndDeps {
  readonly clock: Clock;
  readonly scan: Pick<EventScan, "finished" | "events">;
  /** As {@link ANSWER_END_MS}. */
  readonly endMs: number;
}

/**
 * A stream that is over when its answer is: some servers hold the connection open behind the finish reason, or reset
 * it. Comments are nothing to wait for.
 */
export function untilAnswered(source: ChunkSource, { clock, scan, endMs }: AnswerEndDeps): ChunkSource {
  let waiting: { readonly events: number; readonly endsAt: number } | undefined;
  return {
    next() {
      if (!scan.finished) return source.next();
      if (waiting?.events !== scan.events) waiting = { events: scan.events, endsAt: clock.now() + endMs };
      return nextBefore(source, clock, waiting.endsAt);
    },
  };
}

/** @returns `undefined` also when nothing comes in time, or the body breaks off */
async function nextBefore(source: ChunkSource, clock: Clock, endsAt: number): Promise<Uint8Array | undefined> {
  const over = new AbortController();
  const next = source.next().catch(() => undefined);
  const timeout = sleep(clock, Math.max(0, endsAt - clock.now()), over.signal).catch(() => undefined);
  try {
    return (await Promise.race([next, timeout])) ?? undefined;
  } finally {
    over.abort();
  }
}
