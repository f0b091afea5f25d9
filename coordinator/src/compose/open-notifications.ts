import type { Clock } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import type { Config } from "../config.js";
import type { Registry } from "../fleet/registry.js";
import { budgetOf } from "../ledger/budget-window.js";
import { BudgetWatch } from "../notifications/budget-watch.js";
import { MachineWatch } from "../notifications/machine-watch.js";
import { ModelOutages } from "../notifications/model-outages.js";
import { NightlyAudit } from "../notifications/nightly-audit.js";
import { Notices } from "../notifications/notices.js";
import type { NotificationSettings } from "../notifications/settings.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { Logger } from "../platform/logger.js";
import type { RequestWatch } from "../request/request-watch.js";
import type { LedgerStore } from "../store/ledger-store.js";
import type { FleetHooks } from "./create-fleet.js";

/** What looks on for the operator, and tells him what he is to hear. */
export interface Notifications {
  /** These, and what is to be told of the machines. */
  fleet(hooks: FleetHooks): FleetHooks;
  /** This, and what is to be told of the requests. */
  requests(watch: RequestWatch): RequestWatch;
  /** Looks no further: what comes and goes while the coordinator stops is no news. */
  close(): void;
  /** Resolves when nothing of it uses the store any more. */
  ended(): Promise<void>;
}

export interface NotificationDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<Config, "webhook" | "departures">;
  readonly registry: Registry;
  readonly store: Pick<LedgerStore, "addMessage" | "audit" | "keySpend" | "balance">;
}

/** Without a webhook the ledger alone is looked at. */
export function openNotifications(live: LiveOperator, deps: NotificationDeps): Notifications {
  const settings = (): NotificationSettings => live.current.notifications;
  const told = deps.config.webhook === undefined ? undefined : openTold(live, { ...deps, settings });
  const audit = new NightlyAudit({ ...deps, notices: told?.notices, settings });
  return {
    fleet: (hooks) => (told === undefined ? hooks : fleetHooks(hooks, told.machines)),
    requests: (watch) => (told === undefined ? watch : requestWatch(watch, told, deps.clock)),
    close() {
      for (const each of [audit, ...Object.values(told ?? {})]) each?.[Symbol.dispose]();
    },
    async ended() {
      await audit.ended();
      await told?.budgets.look();
      await told?.notices.write();
    },
  };
}

interface Told {
  readonly notices: Notices;
  readonly machines: MachineWatch;
  readonly outages: ModelOutages;
  readonly budgets: BudgetWatch;
}

function openTold(
  live: LiveOperator,
  { registry, config, ...deps }: NotificationDeps & { readonly settings: () => NotificationSettings },
): Told {
  const notices = new Notices(deps);
  const { expectedBackMs } = config.departures;
  const isConnected = (id: ProviderId): boolean => registry.link(id) !== undefined;
  return {
    notices,
    machines: new MachineWatch({ ...deps, notices, isConnected, expectedBackMs }),
    outages: new ModelOutages({ ...deps, notices, isServed: (model) => isServed(live, registry, model) }),
    budgets: new BudgetWatch({ ...deps, notices, lowBalance: () => live.current.ledger.lowBalanceMicroUsd }),
  };
}

/** Whether a machine is connected that takes everybody's requests for a model, or for what an alias stands for. */
function isServed(live: LiveOperator, registry: Registry, model: string): boolean {
  const alias = live.current.catalog.aliases.get(model);
  const builds = alias === undefined ? [model] : [alias.desired, alias.previous];
  return builds.some(
    (build) =>
      build !== undefined &&
      registry
        .serving(build)
        .some(({ status, untrusted, availableTo }) => status === "serving" && !untrusted && availableTo === "everyone"),
  );
}

function fleetHooks(hooks: FleetHooks, machines: MachineWatch): FleetHooks {
  return {
    ...hooks,
    registered(session) {
      hooks.registered(session);
      machines.came(session);
    },
    gone(session, reason) {
      hooks.gone(session, reason);
      machines.left(session, reason === "untrusted");
    },
  };
}

function requestWatch(
  watch: RequestWatch,
  { outages, budgets }: Pick<Told, "outages" | "budgets">,
  clock: Clock,
): RequestWatch {
  const used = ({ account, name, keyId, limits }: Principal, isRefused: boolean): void => {
    const budget = budgetOf({ keyId, limits }, clock.wallTime());
    if (budget !== undefined) budgets.used({ account, name, budget }, isRefused);
  };
  return {
    arrived: (arrival) => watch.arrived(arrival),
    left: (id) => watch.left(id),
    settled(record, outcome) {
      watch.settled(record, outcome);
      const { model } = record.request;
      if (outcome.type === "success") outages.answered(model);
      else if (outcome.type === "failed") outages.refused(model, outcome.error.code);
      used(record.caller.principal, false);
    },
    refused(arrival, error) {
      watch.refused(arrival, error);
      const { code, details } = error;
      const { progress, principal } = arrival;
      if (progress.request !== undefined) outages.refused(progress.request.model, code);
      if (details.quotaOf === "budget") used(principal, true);
      else if (details.quotaOf === "balance") budgets.short(principal.payer);
    },
  };
}
