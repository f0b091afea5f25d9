import { BoundedMap, type Clock } from "@hearth/platform";
import { microUsdJson } from "../platform/micro-usd.js";
import type { LedgerStore } from "../store/ledger-store.js";

/** What a machine has earned, by days of UTC and weeks from Monday. */
export interface EarnedBy {
  readonly today_micro_usd: number;
  readonly week_micro_usd: number;
  readonly total_micro_usd: number;
  /** Wall-clock ms. */
  readonly as_of: number;
}

export interface EarningsDeps {
  readonly clock: Clock;
  readonly ledger: Pick<LedgerStore, "earnings">;
  /** Whether anything has a price: where nothing has, nobody who has earned nothing is told so. */
  readonly isPriced: () => boolean;
}

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday: its first week on Monday three days before. */
const THURSDAY_MS = 3 * DAY_MS;
/** How long what was found of an account counts for all of its machines, ms. */
const KEPT_MS = 30_000;
const MAX_ACCOUNTS = 10_000;
const MAX_MACHINES = 10_000;

type ByMachine = ReadonlyMap<string, bigint>;

interface Found {
  readonly at: number;
  readonly asOf: number;
  readonly sums: Promise<readonly [today: ByMachine, week: ByMachine, total: ByMachine]>;
}

/** Looks up what machines have earned: an account's all at once, so that a large fleet asks the store no more often. */
export class EarningsOfMachines {
  readonly #deps: EarningsDeps;
  readonly #found = new BoundedMap<string, Found>(MAX_ACCOUNTS);

  constructor(deps: EarningsDeps) {
    this.#deps = deps;
  }

  /** @returns `undefined` = it has earned nothing, and nothing has a price @throws what the store throws */
  async of({ id, account }: { readonly id: string; readonly account: string }): Promise<EarnedBy | undefined> {
    const { asOf, sums } = this.#of(account);
    const [today, week, total] = await sums;
    if (!total.has(id) && !this.#deps.isPriced()) return undefined;
    const sum = (of: ByMachine): number => microUsdJson(of.get(id) ?? 0n);
    return { today_micro_usd: sum(today), week_micro_usd: sum(week), total_micro_usd: sum(total), as_of: asOf };
  }

  #of(account: string): Found {
    const now = this.#deps.clock.now();
    const known = this.#found.get(account);
    if (known !== undefined && now - known.at < KEPT_MS) return known;
    const asOf = this.#deps.clock.wallTime();
    const today = asOf - (asOf % DAY_MS);
    const week = today - ((today + THURSDAY_MS) % (7 * DAY_MS));
    const sums = Promise.all([this.#since(account, today), this.#since(account, week), this.#since(account, 0)]);
    const found = { at: now, asOf, sums };
    this.#found.set(account, found);
    // A store that was away is asked again by the next one.
    sums.catch(() => this.#found.delete(account));
    return found;
  }

  async #since(account: string, fromMs: number): Promise<ByMachine> {
    const query = {
      account,
      groupBy: ["machine"],
      fromMs,
      toMs: Number.MAX_SAFE_INTEGER,
      limit: MAX_MACHINES,
    } as const;
    const lines = await this.#deps.ledger.earnings(query);
    return new Map(lines.map(({ machine = "", net }) => [machine, net]));
  }
}
