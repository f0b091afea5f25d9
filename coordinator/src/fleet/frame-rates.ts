import type { Clock } from "@hearth/platform";
import { LIMITS, type ProviderFrame } from "@hearth/protocol";

/** The kinds of control frames that have a rate. Frames that end streams are bounded by the number of requests. */
export type RatedKind = Exclude<ProviderFrame["type"], "complete" | "error" | "drain"> | "other";

const PER_MINUTE: Readonly<Record<RatedKind, number>> = {
  heartbeat: LIMITS.heartbeatsPerMinute,
  models_update: LIMITS.modelsUpdatesPerMinute,
  key_update: LIMITS.keyUpdatesPerMinute,
  challenge_response: LIMITS.challengeResponsesPerMinute,
  working: LIMITS.workingPerMinute,
  receipt: LIMITS.receiptsPerMinute,
  other: LIMITS.otherFramesPerMinute,
};

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A token bucket for each kind of control frame of one connection. A minute's worth may come at once. */
export class FrameRates {
  readonly #clock: Clock;
  readonly #buckets = new Map<RatedKind, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a frame. @returns false when its kind has come too often */
  allows(kind: RatedKind): boolean {
    const now = this.#clock.now();
    const capacity = PER_MINUTE[kind];
    const bucket = this.#buckets.get(kind) ?? { tokens: capacity, filledAt: now };
    this.#buckets.set(kind, bucket);
    bucket.tokens = Math.min(capacity, bucket.tokens + ((now - bucket.filledAt) / 60_000) * capacity);
    bucket.filledAt = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** The kind that a frame is counted as; `undefined` for frames that are bounded otherwise. */
export function ratedKind(frame: ProviderFrame): RatedKind | undefined {
  switch (frame.type) {
    case "heartbeat":
    case "models_update":
    case "key_update":
    case "challenge_response":
    case "working":
    case "receipt":
      return frame.type;
    case "drain":
      return "other";
    case "complete":
    case "error":
      return undefined;
  }
}
