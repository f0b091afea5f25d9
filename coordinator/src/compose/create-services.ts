import type { Clock } from "@hearth/platform";
import { KeyLimiter } from "../accounts/key-limits.js";
import type { RateLimiter } from "../accounts/rate-limiter.js";
import type { PolicySettings } from "../dispatch/policy.js";
import type { AttemptObserver } from "../dispatch/send-attempt.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import { Background } from "../platform/background.js";
import type { Ids } from "../platform/ids.js";
import type { AdmitDeps } from "../request/admit.js";
import type { RequestServices } from "../request/handle-request.js";
import type { SettleDeps, SettleHooks } from "../request/settle.js";
import { type CalibrationSettings, TokenCalibration } from "../request/token-calibration.js";
import type { ProviderContexts } from "../sealing/provider-contexts.js";
import type { Catalog } from "../selection/catalog.js";
import type { Selection } from "./create-selection.js";

export interface ServiceDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly directory: FleetDirectory;
  readonly selection: Selection;
  readonly contexts: ProviderContexts;
  readonly knownModels: AdmitDeps["knownModels"] & SettleDeps["knownModels"];
  readonly log: SettleDeps["log"];
  readonly receipts: SettleDeps["receipts"];
  readonly usage: SettleDeps["usage"];
  /** How long the end of a stream waits for its receipt, ms. */
  readonly receiptWaitMs: number;
  /** False on the way out. */
  readonly accepting: () => boolean;
  readonly rateLimiter: RateLimiter;
  readonly attempts: AttemptObserver;
  readonly settled: SettleHooks;
  /** Follows each request; absent = nobody does. */
  readonly watch?: SettleDeps["watch"];
  // As the operator has them now: read at each use.
  readonly catalog: () => Catalog;
  readonly tariff: RequestServices["tariff"];
  readonly payments: RequestServices["payments"];
  readonly ledger: SettleDeps["ledger"];
  readonly policy: () => PolicySettings;
  readonly calibration: () => CalibrationSettings;
}

/** What `handleRequest` works with. */
export function createServices(deps: ServiceDeps): RequestServices {
  const { clock, directory, selection, catalog, knownModels, policy } = deps;
  const calibration = new TokenCalibration(deps.calibration);
  return {
    admission: { ...selection, clock, catalog, knownModels, accepting: deps.accepting },
    tariff: deps.tariff,
    workers: (build) => directory.serving(build),
    payments: deps.payments,
    keyLimits: new KeyLimiter(deps.rateLimiter),
    dispatch: {
      ...selection,
      link: (id) => directory.link(id),
      ids: deps.ids,
      clock,
      policy,
      contexts: deps.contexts,
      observer: deps.attempts,
      background: new Background(clock),
      distrust: (id) => directory.distrust(id),
    },
    settlement: { ...deps, ...selection, hooks: deps.settled, calibration },
    calibration,
    receiptWaitMs: deps.receiptWaitMs,
    get policy() {
      return policy();
    },
    clock,
  };
}
