/** The numbers of the hedge budget: `docs/dispatch.md`, _When a backup starts_. */
export const HEDGE_BUDGET = {
  perPrimary: 0.1,
  burst: 10,
  maxSlotsUsed: 0.8,
  minWinRate: 0.1,
  /** Late hedges that the win rate looks back on, and how many make it evidence. */
  window: 64,
  minEvidence: 16,
  /** One in this many goes ahead although hedges have not been winning. */
  exploreEvery: 16,
} as const;

/** Why a backup was not started. */
export const SUPPRESSIONS = ["budget", "queue", "slots", "win_rate"] as const;
export type Suppression = (typeof SUPPRESSIONS)[number];

/** What a hedge would meet. */
export interface HedgeSituation {
  readonly queueDepth: number;
  /** Share of the model's slots in use, 0 to 1. */
  readonly slotsUsed: number;
}

/**
 * A token bucket that retries and hedges share, and the brakes on hedging. A retry always goes ahead, and leaves less
 * for hedges: when much fails, nothing is spent on speed.
 */
export class HedgeBudget {
  #tokens: number = HEDGE_BUDGET.burst;
  /** Whether each of the latest hedges won, oldest first. */
  readonly #results: boolean[] = [];
  #heldBack = 0;

  get tokens(): number {
    return this.#tokens;
  }

  primary(): void {
    this.#tokens = Math.min(HEDGE_BUDGET.burst, this.#tokens + HEDGE_BUDGET.perPrimary);
  }

  retry(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** @returns why not, or `undefined` when the hedge may go ahead: its token is taken then */
  hedge(situation: HedgeSituation): Suppression | undefined {
    if (situation.queueDepth > 0) return "queue";
    if (situation.slotsUsed > HEDGE_BUDGET.maxSlotsUsed) return "slots";
    if (this.#tokens < 1) return "budget";
    if (this.#losing() && ++this.#heldBack % HEDGE_BUDGET.exploreEvery !== 0) return "win_rate";
    this.#tokens -= 1;
    return undefined;
  }

  /** Nobody was there to take the hedge: its token is given back. */
  refund(): void {
    this.#tokens = Math.min(HEDGE_BUDGET.burst, this.#tokens + 1);
  }

  /** A hedged request was decided between two. */
  decided(backupWon: boolean): void {
    this.#results.push(backupWon);
    if (this.#results.length > HEDGE_BUDGET.window) this.#results.shift();
  }

  #losing(): boolean {
    if (this.#results.length < HEDGE_BUDGET.minEvidence) return false;
    const wins = this.#results.filter(Boolean).length;
    return wins < this.#results.length * HEDGE_BUDGET.minWinRate;
  }
}
