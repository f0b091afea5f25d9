import type { Provider } from "../fleet/provider.js";
import { concurrencyOf } from "../selection/gates.js";
import type { Traits } from "../selection/traits.js";
import type { WaitQueue } from "../selection/wait-queue.js";
import { HedgeBudget, type Suppression } from "./hedge-budget.js";
import { TtftHistory } from "./ttft-history.js";

export interface HedgingDeps {
  readonly providers: () => Iterable<Provider>;
  readonly queue: WaitQueue;
  readonly suppressed: (reason: Suppression) => void;
  readonly backupWon: () => void;
}

/** Whether and when to start a backup: the budget, its brakes, and what is known of each model's speed. */
export class Hedging {
  readonly #budget: HedgeBudget = new HedgeBudget();
  readonly history: TtftHistory = new TtftHistory();
  readonly #deps: HedgingDeps;

  constructor(deps: HedgingDeps) {
    this.#deps = deps;
  }

  primary(): void {
    this.#budget.primary();
  }

  retry(): void {
    this.#budget.retry();
  }

  /** @returns why not, or `undefined` when the backup may start: its token is taken then */
  hedge(traits: Traits): Suppression | undefined {
    const reason = this.#budget.hedge({
      queueDepth: this.#deps.queue.depth(traits.model),
      slotsUsed: this.#slotsUsed(traits.model),
    });
    if (reason !== undefined) this.#deps.suppressed(reason);
    return reason;
  }

  /** Nobody could take the backup after all. */
  untaken(): void {
    this.#budget.refund();
  }

  /** A hedged request was decided between the two. */
  decided(backupWon: boolean): void {
    this.#budget.decided(backupWon);
    if (backupWon) this.#deps.backupWon();
  }

  #slotsUsed(model: string): number {
    let used = 0;
    let all = 0;
    for (const provider of this.#deps.providers()) {
      if (provider.status !== "serving" || !provider.models.has(model)) continue;
      used += provider.load(model);
      all += concurrencyOf(provider, model);
    }
    return all === 0 ? 1 : used / all;
  }
}
