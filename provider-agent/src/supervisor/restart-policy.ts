import { EXIT_CODES, FATAL_EXIT_CODES } from "../platform/agent-error.js";

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What follows from it. */
export type Verdict =
  | { readonly type: "restart"; readonly delayMs: number; readonly restarts: number }
  /** It stopped because it was told to, or for a reason that would come again. */
  | { readonly type: "done"; readonly exitCode: number }
  /** It crashed too often. */
  | { readonly type: "crash_loop" };

/** Bounds of restarts. */
export const RESTART_LIMITS = {
  firstDelayMs: 1_000,
  maxDelayMs: 30_000,
  maxRestarts: 5,
  windowMs: 600_000,
  /** A worker that ran for this long was well: the next delay starts small again. */
  stableMs: 60_000,
} as const;

/** Decides whether a worker that has ended is started again. Performs nothing, and reads no clock. */
export class RestartPolicy {
  #restartsAtMs: readonly number[] = [];
  #failures = 0;

  /** @param exit `startedAtMs` and `nowMs` are on one monotonic clock */
  decide(exit: WorkerExit & { readonly startedAtMs: number; readonly nowMs: number }): Verdict {
    const { code, nowMs } = exit;
    if (code === 0) return { type: "done", exitCode: 0 };
    if (code !== null && FATAL_EXIT_CODES.includes(code)) return { type: "done", exitCode: code };
    this.#restartsAtMs = this.#restartsAtMs.filter((at) => nowMs - at < RESTART_LIMITS.windowMs);
    if (this.#restartsAtMs.length >= RESTART_LIMITS.maxRestarts) return { type: "crash_loop" };
    if (nowMs - exit.startedAtMs >= RESTART_LIMITS.stableMs) this.#failures = 0;
    const delayMs = Math.min(RESTART_LIMITS.maxDelayMs, RESTART_LIMITS.firstDelayMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 5);
    this.#restartsAtMs = [...this.#restartsAtMs, nowMs];
    return { type: "restart", delayMs, restarts: this.#restartsAtMs.length };
  }
}

/** What the supervisor exits with when its worker ended while it was being stopped. */
export function exitCodeOf({ code }: WorkerExit): number {
  return code ?? EXIT_CODES.internal;
}
