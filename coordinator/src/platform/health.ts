/** What is wrong with a coordinator, in full in docs/configuration.md. */
export type Trouble =
  /** The log cannot be written, for example because the disk is full or its reader is gone. */
  | "log_not_written"
  /** The store cannot be written, for example because the disk is full or failing. */
  | "store_not_written"
  /** The database file is damaged. */
  | "store_damaged"
  /** The store does not answer: its server cannot be reached, or its thread has died. */
  | "store_away"
  /** Redis does not answer: of the fleet only the machines that are connected here serve. */
  | "redis_away"
  /** Turns of the event loop take long, or one has taken very long. */
  | "event_loop_slow"
  | "event_loop_stalled"
  /** The heap is nearly as large as it may get, or about to end the process. */
  | "heap_high"
  | "heap_exhausted"
  /** Far fewer machines are connected than within the last hour. */
  | "providers_missing";

/** Tells whether a part of the coordinator is in trouble now. */
export type TroubleSource = () => Trouble | undefined;

/** All present troubles, in the order of the sources. */
export function troublesOf(sources: readonly TroubleSource[]): readonly Trouble[] {
  return sources.flatMap((source) => source() ?? []);
}

/** With these, consumers do not get what they pay for. With the others, nearly all is as it should be. */
const UNHEALTHY: ReadonlySet<Trouble> = new Set<Trouble>([
  "store_damaged",
  "store_away",
  "event_loop_stalled",
  "heap_exhausted",
]);

/** `degraded` = it serves although something is wrong with it; `unhealthy` = somebody should come at once. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

export function statusOf(troubles: readonly Trouble[]): HealthStatus {
  if (troubles.length === 0) return "healthy";
  return troubles.some((trouble) => UNHEALTHY.has(trouble)) ? "unhealthy" : "degraded";
}

/** When something counts as wrong. */
export interface HealthSettings {
  /** Lag of the event loop that one in a hundred of its turns has, ms. */
  readonly slowMs: number;
  /** The longest turn. */
  readonly stalledMs: number;
  /** Used, of what the heap may get to. */
  readonly heapHigh: number;
  readonly heapExhausted: number;
  /** Connected, of the most that were at once within the last hour; fewer are missing. */
  readonly providersLeft: number;
}

/** A turn of 200 ms is seen by consumers; a heap of which 95 % are used is collected all the time. */
export const DEFAULT_HEALTH: HealthSettings = {
  slowMs: 200,
  stalledMs: 2_000,
  heapHigh: 0.85,
  heapExhausted: 0.95,
  providersLeft: 0.5,
};
