import type { Clock } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import type { Config } from "../config.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import { budgetOf } from "../ledger/budget-window.js";
import { BudgetWatch } from "../notifications/budget-watch.js";
import { MachineWatch } from "../notifications/machine-watch.js";
import { ModelOutages } from "../notifications/model-outages.js";
import { NightlyAudit } from "../notifications/nightly-audit.js";
import { type Hearers, type NoticeKind, Notices } from "../notifications/notices.js";
import { type OwnerNoticeDeps, OwnerNotices } from "../notifications/owner-notices.js";
import type { NotificationSettings } from "../notifications/settings.js";
import { wordsOf } from "../notifications/words.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { Logger } from "../platform/logger.js";
import type { RequestWatch } from "../request/request-watch.js";
import type { LedgerStore } from "../store/ledger-store.js";
import type { Store } from "../store/store.js";
import type { FleetHooks } from "./create-fleet.js";

/** What looks on for the operator, and tells him what he is to hear. */
export interface Notifications {
  /** These, and what is to be told of the machines. */
  fleet(hooks: FleetHooks): FleetHooks;
  /** This, and what is to be told of the requests. */
  requests(watch: RequestWatch): RequestWatch;
  /** What accounts have asked to hear; `undefined` = they may not. */
  readonly owners: OwnerNotices | undefined;
  /** Looks no further: what comes and goes while the coordinator stops is no news. */
  close(): void;
  /** Resolves when nothing of it uses the store any more. */
  ended(): Promise<void>;
}

export interface NotificationDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<Config, "webhook" | "ownerWebhooks" | "departures">;
  readonly directory: FleetDirectory;
  readonly store: Pick<Store, "ledger" | "notices">;
  /** Whether this coordinator tells accounts, and none beside it. */
  readonly isOwnersTurn: () => boolean;
}

/** Where nobody can hear anything, the ledger alone is looked at. */
export async function openNotifications(
  live: LiveOperator,
  { store, isOwnersTurn: isOurTurn, ...given }: NotificationDeps,
): Promise<Notifications> {
  const settings = (): NotificationSettings => live.current.notifications;
  const { config, clock, log } = given;
  const owners = await openOwners(live, { config, clock, log, isOurTurn, store: store.notices });
  const deps = { ...given, owners, store: store.ledger };
  const isHeard = config.webhook !== undefined || owners !== undefined;
  const told = isHeard ? openTold(live, { ...deps, settings }) : undefined;
  const audit = new NightlyAudit({ ...deps, notices: told?.notices, settings });
  return {
    owners,
    fleet: (hooks) => (told === undefined ? hooks : fleetHooks(hooks, told.machines)),
    requests: (watch) => (told === undefined ? watch : requestWatch(watch, told, deps.clock)),
    close() {
      for (const each of [audit, owners, ...Object.values(told ?? {})]) each?.[Symbol.dispose]();
    },
    async ended() {
      await audit.ended();
      await told?.budgets.look();
      await told?.notices.write();
      await owners?.ended();
    },
  };
}

interface Told {
  readonly notices: Notices;
  readonly machines: MachineWatch;
  readonly outages: ModelOutages;
  readonly budgets: BudgetWatch;
}

interface WatchDeps extends Omit<NotificationDeps, "store" | "isOwnersTurn"> {
  readonly store: LedgerStore;
  readonly owners: OwnerNotices | undefined;
  readonly settings: () => NotificationSettings;
}

function openOwners(
  live: LiveOperator,
  {
    config: { ownerWebhooks },
    ...deps
  }: Pick<NotificationDeps, "config" | "clock" | "log"> & Pick<OwnerNoticeDeps, "store" | "isOurTurn">,
): Promise<OwnerNotices> | undefined {
  if (ownerWebhooks === "off") return undefined;
  return OwnerNotices.open({
    ...deps,
    words: wordsOf,
    isPrivateAllowed: ownerWebhooks === "private",
    webhooks: () => live.current.webhooks,
    mostAnHour: () => live.current.notifications.mostAnHour,
  });
}

function openTold(live: LiveOperator, { directory, config, owners, ...deps }: WatchDeps): Told {
  const hearers = (kind: NoticeKind, account: string | undefined): Hearers | undefined => {
    if (config.webhook !== undefined) return "operator";
    return account !== undefined && owners?.wants(account, kind) ? "owner" : undefined;
  };
  const notices = new Notices({ ...deps, hearers });
  const { expectedBackMs } = config.departures;
  const isConnected = (id: ProviderId): boolean => directory.link(id) !== undefined;
  return {
    notices,
    machines: new MachineWatch({ ...deps, notices, isConnected, expectedBackMs }),
    outages: new ModelOutages({ ...deps, notices, isServed: (model) => isServed(live, directory, model) }),
    budgets: new BudgetWatch({ ...deps, notices, lowBalance: () => live.current.ledger.lowBalanceMicroUsd }),
  };
}

/** Whether a machine is connected that takes everybody's requests for a model, or for what an alias stands for. */
function isServed(live: LiveOperator, directory: FleetDirectory, model: string): boolean {
  const alias = live.current.catalog.aliases.get(model);
  const builds = alias === undefined ? [model] : [alias.desired, alias.previous];
  return builds.some(
    (build) =>
      build !== undefined &&
      directory
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
