import { BoundedMap, type Clock } from "@hearth/platform";
import { BatchWriter } from "../platform/batch-writer.js";
import type { Logger } from "../platform/logger.js";
import { Pruning, pruneAll } from "../platform/pruning.js";
import {
  type RequestUsage,
  type SpentQuery,
  type TotalsQuery,
  USAGE_PRUNE_BATCH,
  type UsagePage,
  type UsageRetention,
  type UsageStore,
  type UsageTotals,
} from "../store/usage-store.js";
import { RefusedUsage } from "./refused-usage.js";

export type { RequestUsage, UsageOutcome } from "../store/usage-store.js";

export interface UsageSettings {
  // For how many days each kind of record is kept.
  readonly requestDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
  readonly dayDays: number;
  /**
   * While so many records wait for the store, those of requests that were refused are lost: they cost nobody anything,
   * and are not to take the place of what others have paid for.
   */
  readonly refusedWaiting: number;
}

export const DEFAULT_USAGE: UsageSettings = {
  requestDays: 90,
  minuteDays: 7,
  hourDays: 400,
  dayDays: 3_650,
  // A tenth of all that may wait.
  refusedWaiting: 2_000,
};

const DAY_MS = 86_400_000;
/** Accounts that had everything forgotten, and may have requests that still run. */
const MAX_FORGOTTEN = 10_000;

export interface UsageWriterDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<UsageStore, "put" | "prune" | "list" | "totals" | "spent" | "forget">;
  /** As the operator has them now. */
  readonly settings: () => UsageSettings;
  /** A request's record could not be kept. */
  readonly lost: () => void;
}

/** Keeps what requests have used, off their path, for as long as the operator wants it. */
export class UsageWriter {
  readonly #deps: UsageWriterDeps;
  readonly #writer: BatchWriter<RequestUsage>;
  readonly #refused: RefusedUsage;
  /** Accounts → when they had everything forgotten, wall-clock ms. */
  readonly #forgotten = new BoundedMap<string, number>(MAX_FORGOTTEN);
  readonly #pruning: Pruning;

  constructor(deps: UsageWriterDeps) {
    const { clock, log, store, lost } = deps;
    this.#deps = deps;
    this.#writer = new BatchWriter({ clock, log, what: "usage" }, { write: (batch) => store.put(batch), lost });
    this.#refused = new RefusedUsage({ clock, keep: (usage) => this.#keepRefused(usage), lost });
    const prune = (): Promise<number> => store.prune(this.#before());
    this.#pruning = new Pruning({ clock, log, what: "usage", batch: USAGE_PRUNE_BATCH, prune });
  }

  /** Keeps what a request has used, unless its account has had everything forgotten since it came. */
  keep(usage: RequestUsage): void {
    if (usage.atMs < (this.#forgotten.get(usage.account) ?? Number.NEGATIVE_INFINITY)) return;
    this.#writer.add(usage.requestId, usage);
  }

  /** Keeps that a request was refused; of many, how many they were. @param reason one of a closed list */
  refused(usage: RequestUsage, reason: string): void {
    this.#refused.add(usage, reason);
  }

  /** As the store's, with what still waited to be written. */
  async list(page: UsagePage): Promise<readonly RequestUsage[]> {
    await this.#writer.flush();
    return this.#deps.store.list(page);
  }

  /** As the store's, with what still waited to be written. */
  async totals(query: TotalsQuery): Promise<readonly UsageTotals[]> {
    await this.#writer.flush();
    return this.#deps.store.totals(query);
  }

  /** As the store's, with what still waited to be written. */
  async spent(query: SpentQuery): Promise<readonly number[]> {
    await this.#writer.flush();
    return this.#deps.store.spent(query);
  }

  /** Forgets everything of an account, also what still waited to be written, and what is still running. */
  async forget(account: string): Promise<void> {
    this.#forgotten.set(account, this.#deps.clock.wallTime());
    this.#refused.forget(account);
    await this.#writer.flush();
    const { clock, store } = this.#deps;
    await pruneAll({ clock, batch: USAGE_PRUNE_BATCH, prune: () => store.forget(account) });
  }

  /** Writes what waits and stops. @returns how many records were not taken; they are lost */
  stop(): Promise<number> {
    this.#pruning[Symbol.dispose]();
    this.#refused.stop();
    return this.#writer.stop();
  }

  #keepRefused(usage: RequestUsage): void {
    const { settings, lost } = this.#deps;
    if (this.#writer.waiting >= settings().refusedWaiting) lost();
    else this.keep(usage);
  }

  #before(): UsageRetention {
    const { clock, settings } = this.#deps;
    const now = clock.wallTime();
    const { requestDays, minuteDays, hourDays, dayDays } = settings();
    const before = (days: number): number => now - days * DAY_MS;
    return {
      requests: before(requestDays),
      minute: before(minuteDays),
      hour: before(hourDays),
      day: before(dayDays),
    };
  }
}
