import { BoundedMap, type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { Budget, LedgerStore } from "../store/ledger-store.js";
import type { Notices } from "./notices.js";
import type { NotificationSettings } from "./settings.js";

/** A key with a budget of its own. */
export interface BudgetedKey {
  readonly account: string;
  readonly name: string;
  /** Its budget in the present window. */
  readonly budget: Budget;
}

export interface BudgetWatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "keySpend" | "balance">;
  readonly notices: Pick<Notices, "tell">;
  /** What an account has left is nothing to speak of below this, micro-USD. Read at each use. */
  readonly lowBalance: () => number;
  /** Read at each use. */
  readonly settings: () => Pick<NotificationSettings, "lookMs" | "subjects" | "budgetShare">;
}

interface Used {
  readonly key: BudgetedKey;
  /** A request was refused, as what is left did not reach for it. */
  readonly refused: boolean;
  /** How often it is looked at yet. */
  readonly looks: number;
}

/** What a request has cost may not be in the ledger yet when it is looked for the first time. */
const LOOKS = 2;
const DAY_MS = 24 * 3_600_000;

/** Which keys come to the end of their budgets, and which accounts to that of their money. Looks at those in use only. */
export class BudgetWatch implements Disposable {
  readonly #deps: BudgetWatchDeps;
  readonly #used: BoundedMap<string, Used>;
  /** Accounts whose money did not reach for a request. */
  readonly #short: BoundedMap<string, true>;
  readonly #looking: Disposable;
  #running: Promise<void> | undefined;

  constructor(deps: BudgetWatchDeps) {
    this.#deps = deps;
    const most = (): number => deps.settings().subjects;
    this.#used = new BoundedMap(most);
    this.#short = new BoundedMap(most);
    this.#looking = repeat(deps.clock, deps.settings().lookMs, () => void this.look());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** A request of this key has ended, or was refused because the budget does not reach for it. */
  used(key: BudgetedKey, refused: boolean): void {
    const { keyId } = key.budget;
    this.#used.set(keyId, { key, refused: refused || this.#used.get(keyId)?.refused === true, looks: LOOKS });
  }

  /** The money of this account did not reach for a request. */
  short(account: string): void {
    this.#short.set(account, true);
  }

  /** Resolves when all that was in use has been looked at. Never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#lookAtAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #lookAtAll(): Promise<void> {
    try {
      for (const [keyId, used] of [...this.#used.entries()]) {
        this.#used.delete(keyId);
        await this.#lookAt(used);
        if (used.looks > 1 && !this.#used.has(keyId)) this.#used.set(keyId, { ...used, looks: used.looks - 1 });
      }
      for (const [account] of [...this.#short.entries()]) {
        this.#short.delete(account);
        await this.#lookAtAccount(account);
      }
    } catch (error) {
      this.#deps.log.error({ fault: describeFault(error) }, "budgets not looked at");
    }
  }

  async #lookAt({ key, refused }: Used): Promise<void> {
    const { store, notices, settings } = this.#deps;
    const { keyId, windowStartMs, limit } = key.budget;
    const { spent } = await store.keySpend({ keyId, windowStartMs, sinceMs: [windowStartMs] });
    const [sum = 0n] = spent;
    const share = limit > 0n ? Number(sum) / Number(limit) : 1;
    const { budgetShare } = settings();
    const isLow = share >= budgetShare;
    const isSpent = share >= 1 || (refused && isLow);
    if (!isSpent && (!isLow || budgetShare >= 1)) return;
    const kind = isSpent ? "budget.exhausted" : "budget.low";
    // Another limit is another budget: who has raised it wants to hear of the next end, too.
    const subject = `budget/${keyId}/${windowStartMs}/${limit}/${kind}`;
    const data = {
      ...{ key: keyId, name: key.name, account: key.account, since: new Date(windowStartMs).toISOString() },
      ...{ spent_micro_usd: Number(sum), budget_micro_usd: Number(limit), percent: Math.floor(share * 100) },
    };
    notices.tell({ kind, subject, once: subject, data });
  }

  async #lookAtAccount(account: string): Promise<void> {
    const { clock, store, notices, lowBalance } = this.#deps;
    const { available } = await store.balance(account);
    // A request that asks for more than most accounts have says nothing of this one.
    if (available > BigInt(lowBalance())) return;
    const day = new Date(Math.floor(clock.wallTime() / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
    const subject = `balance/${account}/${day}`;
    const data = { account, available_micro_usd: Number(available) };
    notices.tell({ kind: "balance.exhausted", subject, once: subject, data });
  }
}
