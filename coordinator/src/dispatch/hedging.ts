import { BoundedMap } from "@hearth/platform";
import type { Picker } from "../selection/picker.js";
import type { Traits } from "../selection/traits.js";
import type { WaitQueue } from "../selection/wait-queue.js";
import { HedgeBudget, type Suppression } from "./hedge-budget.js";
import { DEFAULT_HEDGING, type HedgeSettings } from "./hedge-settings.js";
import { TtftHistory } from "./ttft-history.js";

export interface HedgingHooks {
  suppressed(reason: Suppression): void;
  backupWon(): void;
}

export interface HedgingDeps {
  readonly picker: Pick<Picker, "slots">;
  readonly queue: Pick<WaitQueue, "depth">;
  readonly hooks: HedgingHooks;
  /** Read at each use; absent = the defaults. */
  readonly settings?: () => HedgeSettings;
}

/** Models whose budgets are remembered; the longest unused begins anew. */
const MAX_MODELS = 2_048;

interface ModelBudget {
  readonly hedges: HedgeBudget;
  /** Attempts that run because another one is alive and takes longer than expected. */
  overtaking: number;
}

/** Decides whether and when a second attempt starts, by each model's budget and its times to first content. */
export class Hedging {
  readonly history: TtftHistory;
  readonly #budgets = new BoundedMap<string, ModelBudget>(MAX_MODELS);
  readonly #deps: HedgingDeps;
  readonly #settings: () => HedgeSettings;

  constructor(deps: HedgingDeps) {
    this.#deps = deps;
    this.#settings = deps.settings ?? (() => DEFAULT_HEDGING);
    this.history = new TtftHistory(this.#settings);
  }

  primary(model: string): void {
    this.#of(model).hedges.primary();
  }

  retry(model: string): void {
    this.#of(model).hedges.retry();
  }

  /** @returns why not, or `undefined` when the backup may start: its token is taken then */
  hedge(traits: Traits): Suppression | undefined {
    const { used, all } = this.#deps.picker.slots(traits);
    const reason = this.#of(traits.model).hedges.hedge({
      queueDepth: this.#deps.queue.depth(traits.model),
      slotsUsed: all === 0 ? 1 : used / all,
    });
    if (reason !== undefined) this.#deps.hooks.suppressed(reason);
    return reason;
  }

  /** No provider took the backup. */
  untaken(model: string): void {
    this.#of(model).hedges.refund();
  }

  /** A request with a backup has its winner. */
  decided(model: string, backupWon: boolean): void {
    this.#of(model).hedges.decided(backupWon);
    if (backupWon) this.#deps.hooks.backupWon();
  }

  /** Rule 3: overtaking does not depend on the hedge budget. It has a limit, lest a slow fleet get slower still. */
  mayOvertake(traits: Traits): boolean {
    const { all } = this.#deps.picker.slots(traits);
    const most = Math.ceil(all / this.#settings().slotsPerOvertake);
    return this.#deps.queue.depth(traits.model) === 0 && this.#of(traits.model).overtaking < most;
  }

  /** Counts an overtaking attempt that starts (1) or ends (-1). */
  overtaking(model: string, more: 1 | -1): void {
    this.#of(model).overtaking += more;
  }

  #of(model: string): ModelBudget {
    const budget = this.#budgets.get(model) ?? { hedges: new HedgeBudget(this.#settings), overtaking: 0 };
    this.#budgets.set(model, budget);
    return budget;
  }
}
