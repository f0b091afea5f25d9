import type { Clock } from "@hearth/platform";
import { GATES, type HeartbeatAckFrame, type Rejections } from "@hearth/protocol";
import type { WorkStatus } from "../local/agent-status.js";

/** What came of the machine, as the coordinator counts it. */
export type Counts = Pick<HeartbeatAckFrame, "picked" | "lost" | "rejected">;

/** Sums are kept by the minute, so what is shown covers the last 4 to 5. */
const MINUTE_MS = 60_000;
const MINUTES = 5;

/** How often the coordinator chose this machine in the last minutes, and why not; bounded, however often it reports. */
export class RecentWork {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #minutes: { readonly startedAt: number; counts: Counts }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(counts: Counts): void {
    this.#forget();
    const now = this.#clock.now();
    const latest = this.#minutes.at(-1);
    if (latest !== undefined && now - latest.startedAt < MINUTE_MS) latest.counts = sum(latest.counts, counts);
    else this.#minutes.push({ startedAt: now, counts });
  }

  /** @returns `undefined` when nothing was reported in that time */
  sums(): WorkStatus | undefined {
    this.#forget();
    const [first, ...rest] = this.#minutes;
    if (first === undefined) return undefined;
    const { picked, lost, rejected } = rest.reduce((all, { counts }) => sum(all, counts), first.counts);
    return { window_ms: MINUTES * MINUTE_MS, picked, lost, rejected };
  }

  #forget(): void {
    const since = this.#clock.now() - MINUTES * MINUTE_MS;
    while ((this.#minutes[0]?.startedAt ?? since) < since) this.#minutes.shift();
  }
}

/** Both together. */
export function sum(a: Counts, b: Counts): Counts {
  const rejected: Rejections = {};
  for (const gate of GATES) {
    const count = (a.rejected[gate] ?? 0) + (b.rejected[gate] ?? 0);
    if (count > 0) rejected[gate] = count;
  }
  return { picked: a.picked + b.picked, lost: a.lost + b.lost, rejected };
}
