import type { Quote, Tariff, Worker } from "../ledger/price-list.js";
import type { RoutePlan } from "../selection/route-plan.js";
import type { Traits } from "../selection/traits.js";

/** What of a machine tells whether it may serve a request for money. */
export interface PaidWorker extends Worker {
  readonly availableTo: "everyone" | "owner" | "nobody";
  readonly serialHash: string;
}

export interface QuoteDeps {
  /** The prices as they stand now; `undefined` = nothing has any. */
  readonly tariff: () => Tariff | undefined;
  /** The machines of a build. */
  readonly workers: (build: string) => readonly PaidWorker[];
}

/** Whether a machine may serve an account for money: the account's own are free, and others may be kept by their owners. */
export function servesForMoney(worker: Pick<PaidWorker, "account" | "availableTo">, account: string): boolean {
  return worker.availableTo === "everyone" && worker.account !== account;
}

/** What a request may cost, as it comes in: by the machines that it may be served by then; the caller's own are free. */
export function quoteOf({ tariff, workers }: QuoteDeps, { builds }: RoutePlan, traits: Traits): Quote | undefined {
  const { account, allowlist } = traits;
  const isAllowed = ({ id, serialHash }: PaidWorker): boolean =>
    allowlist === undefined || allowlist.has(id) || allowlist.has(serialHash);
  return tariff()?.quote(builds, (build) =>
    workers(build).filter((each) => servesForMoney(each, account) && isAllowed(each)),
  );
}
