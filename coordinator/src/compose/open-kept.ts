import type { Clock } from "@hearth/platform";
import { Accounts } from "../accounts/accounts.js";
import type { AccountSettings } from "../accounts/settings.js";
import { ActionLog } from "../admin/action-log.js";
import type { ActionLogSettings } from "../admin/action-log-settings.js";
import { Enrolment } from "../enrolment/enrolment.js";
import { DEFAULT_KNOWN_MODEL_LIMITS, KnownModels } from "../fleet/known-models.js";
import { MachineNotes } from "../fleet/machine-notes.js";
import { MachinePauses } from "../fleet/machine-pauses.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import type { Registry } from "../fleet/registry.js";
import { type UsageSettings, UsageWriter } from "../ledger/usage-writer.js";
import type { Credentials } from "../platform/credentials.js";
import type { Logger } from "../platform/logger.js";
import { ReceiptWriter } from "../receipts/receipt-writer.js";
import type { Store } from "../store/store.js";
import type { Hooks } from "./create-hooks.js";
import type { Shared } from "./open-cluster.js";

/** What outlives a restart. */
export interface Kept {
  readonly accounts: Accounts;
  readonly enrolment: Enrolment;
  readonly knownModels: KnownModels;
  readonly machineNotes: MachineNotes;
  readonly machinePauses: MachinePauses;
  readonly actionLog: ActionLog;
  readonly receipts: ReceiptWriter;
  readonly usage: UsageWriter;
}

export interface KeptDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The machines of this coordinator, and of all that serve the fleet. */
  readonly registry: Registry;
  readonly directory: Pick<FleetDirectory, "link" | "serves">;
  /** Something that other coordinators remember has changed here. */
  readonly tell: (topic: "machine_tokens" | "machine_notes", id: string) => void;
  readonly shared: Shared | undefined;
  readonly hooks: Pick<Hooks, "enrolment" | "receiptLost" | "usageLost">;
  readonly store: Store;
  /** Provider tokens of the configuration: any machine may use them. */
  readonly sharedTokens: Credentials;
  /** How long a model is known after it last answered, days. */
  readonly knownModelDays: number;
  /** As the operator has them now. */
  readonly accounts: () => AccountSettings;
  readonly usage: () => UsageSettings;
  readonly audit: () => ActionLogSettings;
}

const DAY_MS = 24 * 3_600_000;

/** @throws what the store throws */
export async function openKept({
  clock,
  log,
  registry,
  directory,
  hooks,
  store,
  tell,
  ...rest
}: KeptDeps): Promise<Kept> {
  const common = { clock, log, registry };
  const accounts = await Accounts.open({
    ...{ clock, log, store: store.accounts, settings: rest.accounts },
    hooks: { suspended: (suspended) => shutOutAccounts(registry, new Set(suspended)) },
  });
  const enrolment = await Enrolment.open({
    ...common,
    store: store.enrolments,
    sharedTokens: rest.sharedTokens,
    shared: rest.shared,
    hooks: {
      revoked: (_identity, enrolmentId) => shutOut(registry, enrolmentId),
      moved: (enrolmentId) => askBack(registry, enrolmentId),
      counted: hooks.enrolment,
      changed: (id) => tell("machine_tokens", id),
    },
  });
  const limits = { ...DEFAULT_KNOWN_MODEL_LIMITS, keptMs: rest.knownModelDays * DAY_MS };
  const knownModels = await KnownModels.open({ ...common, registry: directory, store: store.knownModels, limits });
  // Machines that answered before this start are waited for.
  for (const provider of knownModels.expected()) registry.expect(provider);
  const machineNotes = await MachineNotes.open({
    ...{ log, documents: store.documents },
    changed: (id) => registry.link(id)?.rulesChanged(),
    told: (id) => tell("machine_notes", id),
  });
  const machinePauses = await MachinePauses.open({
    ...{ clock, log, documents: store.documents },
    changed: (id) => registry.link(id)?.rulesChanged(),
    told: (id) => tell("machine_notes", id),
  });
  const { receipts, attestations } = store;
  return {
    ...{ accounts, enrolment, knownModels, machineNotes, machinePauses },
    actionLog: new ActionLog({ clock, log, store: store.actions, settings: rest.audit }),
    receipts: new ReceiptWriter({ clock, log, receipts, attestations, lost: hooks.receiptLost }),
    usage: new UsageWriter({ clock, log, store: store.usage, settings: rest.usage, lost: hooks.usageLost }),
  };
}

/** A token that has ended takes its connection with it. */
function shutOut(registry: Registry, enrolmentId: string): void {
  for (const session of [...registry.sessions()]) {
    if (session.enrolmentId === enrolmentId) session.close("unauthorized");
  }
}

/** What runs ends where it began; the machine comes back at once, as whosever its token is by then. */
function askBack(registry: Registry, enrolmentId: string): void {
  for (const session of [...registry.sessions()]) {
    if (session.enrolmentId === enrolmentId) session.goAway("owner_changed", 0);
  }
}

/** Nor does a suspended account keep its connections. */
function shutOutAccounts(registry: Registry, accounts: ReadonlySet<string>): void {
  for (const session of [...registry.sessions()]) {
    if (accounts.has(session.account)) session.close("unauthorized");
  }
}

/** Writes down what is left to write. @returns what could not be written, in words for the operator */
export async function stopKept({
  accounts,
  knownModels,
  receipts,
  usage,
  enrolment,
  actionLog,
  machinePauses,
}: Kept): Promise<readonly string[]> {
  accounts.close();
  actionLog[Symbol.dispose]();
  machinePauses[Symbol.dispose]();
  await knownModels.stop();
  const unwritten = { receipts: await receipts.stop(), "records of usage": await usage.stop() };
  await enrolment.close();
  return Object.entries(unwritten).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]));
}
