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

/** What a request may cost, as it comes in: by the machines that it may be served by then; the caller's own are free. */
export function quoteOf({ tariff, workers }: QuoteDeps, { builds }: RoutePlan, traits: Traits): Quote | undefined {
  const { account, allowlist } = traits;
  const isAllowed = ({ id, serialHash }: PaidWorker): boolean =>
    allowlist === undefined || allowlist.has(id) || allowlist.has(serialHash);
  return tariff()?.quote(builds, (build) =>
    workers(build).filter((each) => each.availableTo === "everyone" && each.account !== account && isAllowed(each)),
  );
}
