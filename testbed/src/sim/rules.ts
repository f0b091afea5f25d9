import type { AttemptRecord, RequestRecord } from "./journal.js";
import { ALIAS_PATIENCE_MS } from "./scenario.js";

// The numbers of docs/dispatch.md, and what they say of what was seen. Not the code's: a bug may be in the code's.

/** Timers are up to this late, and frames and promises take a moment, ms. */
export const SLACK_MS = 50;
/** Rule 2: attempts of one request, those that may cost it time, and what costs time, ms. */
export const MAX_ATTEMPTS = 6;
export const MAX_COSTLY = 3;
const COSTLY_MS = 1_000;
/** Rule 3: how often somebody is looked for again, ms, and slots of a model for each attempt that overtakes. */
export const RESEEK_MS = 1_000;
export const SLOTS_PER_OVERTAKE = 4;
/** Rule 5, where nobody asks for less, ms. */
const PATIENCE_MS = 600_000;
/** Rules 6 and 11: losers and orphans are told to stop within this, ms. */
export const CANCEL_BOUND_MS = 1_000;
/** Rule 7, ms. */
export const GAP_MS = 45_000;
export const SIGNS_ALONE_MS = 600_000;
/** Rule 14: how often the queue looks by itself, how long a fresh request waits, ms, and requests that wait for a model. */
export const RECHECK_MS = 1_000;
export const FRESH_PATIENCE_MS = 120_000;
export const MAX_QUEUE = 64;

/** It has cost its consumer time, or what it had begun to write. */
export function hasCost({ openedAt, overAt, writing, contents }: AttemptRecord, now: number): boolean {
  return writing || contents > 0 || (overAt ?? now) - openedAt > COSTLY_MS;
}

export const isRunning = ({ overAt }: AttemptRecord): boolean => overAt === undefined;

/** Whether another attempt may follow; what runs may come to cost time. */
export function hasTriesLeft({ attempts }: RequestRecord, now: number): boolean {
  const costly = attempts.filter((attempt) => isRunning(attempt) || hasCost(attempt, now)).length;
  return attempts.length < MAX_ATTEMPTS && costly < MAX_COSTLY;
}

/** Whether an attempt on the same machine may help: over another connection, or where nothing was done before. */
export function mayComeAgain(before: AttemptRecord, again: AttemptRecord): boolean {
  if (before.overAt === undefined || before.overAt > again.openedAt) return false;
  return before.failure?.kind === "refusal" || before.connection !== again.connection;
}

/** When a consumer has waited for as long as it wants, ms: behind an answer that was being written and died, anew. */
export function patienceEnd({ arrivedAt, attempts, plan }: RequestRecord): number {
  let from = arrivedAt;
  for (const { writing, overAt } of attempts) if (writing) from = Math.max(from, overAt ?? from);
  return from + (plan.patienceMs ?? (plan.model === "best" ? ALIAS_PATIENCE_MS : PATIENCE_MS));
}

/** It waits for its first content still. */
export function isOpen({ firstByteAt, terminals, goneAt, doneAt }: RequestRecord): boolean {
  return firstByteAt === undefined && terminals.length === 0 && goneAt === undefined && doneAt === undefined;
}

/** When it was heard of last, an answer that is being written has fallen silent. */
const isSilent = ({ lastSignAt, lastContentAt }: AttemptRecord, now: number): boolean =>
  now >= Math.min(lastSignAt + GAP_MS, lastContentAt + SIGNS_ALONE_MS);

/** Its time is up, or its estimate at least. */
export function isPastEstimate(attempt: AttemptRecord, now: number): boolean {
  return attempt.writing ? isSilent(attempt, now) : now >= (attempt.time?.estimateAt ?? Number.POSITIVE_INFINITY);
}

export function isLate(attempt: AttemptRecord, now: number): boolean {
  return attempt.writing ? isSilent(attempt, now) : attempt.time?.isLate(now) === true;
}
