import type { Clock } from "@hearth/platform";
import { PriceList } from "../ledger/price-list.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { SelectionDeps } from "./create-selection.js";
import type { ServiceDeps } from "./create-services.js";

export type Numbers = Omit<SelectionDeps, "clock" | "rng" | "registry" | "hooks" | "reputation"> &
  Pick<ServiceDeps, "catalog" | "policy" | "calibration" | "tariff">;

/** What admission, selection and dispatch go by, as the operator has it at each use. */
export function numbersOf(live: LiveOperator, clock: Clock): Numbers {
  const prices = live.derived((document) => new PriceList(document.prices));
  return {
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
