import { OwnerPriceBook, type OwnerPriceDeps } from "../ledger/owner-price-book.js";
import { PriceList } from "../ledger/price-list.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { SelectionDeps } from "./create-selection.js";
import type { ServiceDeps } from "./create-services.js";

export interface Numbers extends Operated {
  /** What the operator and owners ask, and what owners may. */
  readonly prices: () => PriceList;
  readonly ownerPrices: OwnerPriceBook;
}

type Operated = Omit<SelectionDeps, "clock" | "rng" | "directory" | "hooks" | "reputation"> &
  Pick<ServiceDeps, "catalog" | "policy" | "calibration" | "tariff">;

/** What admission, selection and dispatch go by, as the operator has it at each use. @throws what the store throws */
export async function openNumbers(live: LiveOperator, deps: Omit<OwnerPriceDeps, "settings">): Promise<Numbers> {
  const { clock } = deps;
  const ownerPrices = await OwnerPriceBook.open({ ...deps, settings: () => live.current.ownerPrices });
  const prices = live.derived(
    (document) => new PriceList(document.prices, document.ownerPrices, () => ownerPrices.current),
  );
  return {
    ...{ prices, ownerPrices },
    tariff: () => prices().at(clock.wallTime()),
    catalog: () => live.current.catalog,
    settings: () => live.current.selection,
    breaker: () => live.current.breaker,
    evidence: () => live.current.evidence,
    hedging: () => live.current.hedging,
    policy: () => live.current.dispatch,
    calibration: () => live.current.calibration,
  };
}
