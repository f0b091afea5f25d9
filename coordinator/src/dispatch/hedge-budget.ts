import { DEFAULT_HEDGING, type HedgeSettings } from "./hedge-settings.js";

/** Why a backup was not started. */
export const SUPPRESSIONS = ["budget", "queue", "slots", "win_rate"] as const;
export type Suppression = (typeof SUPPRESSIONS)[number];

/** The state of the fleet that a hedge would start in. */
export interface HedgeSituation {
  readonly queueDepth: number;
  /** Share of the model's slots in use, 0 to 1. */
  readonly slotsUsed: number;
}

/**
 * The token bucket of retries and hedges, and the other brakes on hedging. A retry always goes ahead and takes a token
 * all the same, so that in times of many failures no hedges start.
 */
export class HedgeBudget {
  readonly #settings: () => HedgeSettings;
  #tokens: number;
  /** Whether each of the latest hedges won, oldest first. */
  readonly #results: boolean[] = [];
  #heldBack = 0;

  /** @param settings read at each use */
  constructor(settings: () => HedgeSettings = () => DEFAULT_HEDGING) {
    this.#settings = settings;
    this.#tokens = settings().burst;
  }

  get tokens(): number {
    return this.#tokens;
  }

  primary(): void {
    const { burst, perPrimary } = this.#settings();
    this.#tokens = Math.min(burst, this.#tokens + perPrimary);
  }

  retry(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** @returns why not, or `undefined` when the hedge may go ahead: its token is taken then */
  hedge(situation: HedgeSituation): Suppression | undefined {
    const { maxSlotsUsed, exploreEvery } = this.#settings();
    if (situation.queueDepth > 0) return "queue";
    if (situation.slotsUsed > maxSlotsUsed) return "slots";
    if (this.#tokens < 1) return "budget";
    if (this.#losing() && ++this.#heldBack % exploreEvery !== 0) return "win_rate";
    this.#tokens -= 1;
    return undefined;
  }

  /** No provider took the hedge: its token is given back. */
  refund(): void {
    this.#tokens = Math.min(this.#settings().burst, this.#tokens + 1);
  }

  /** A request with a hedge has its winner. */
  decided(backupWon: boolean): void {
    this.#results.push(backupWon);
    while (this.#results.length > this.#settings().window) this.#results.shift();
  }

  #losing(): boolean {
    const { minEvidence, minWinRate } = this.#settings();
    if (this.#results.length < minEvidence) return false;
    const wins = this.#results.filter(Boolean).length;
    return wins < this.#results.length * minWinRate;
  }
}
