import { setMaxListeners } from "node:events";
import type { Server } from "node:http";
import type { LogFile } from "@hearth/disk";
import { type Clock, type Rng, systemRng } from "@hearth/platform";
import { addReadings } from "./compose/add-readings.js";
import { sharedTokens } from "./compose/configured-accounts.js";
import { type BehindTheDoors, createDoors } from "./compose/create-doors.js";
import { createFleet, setAside } from "./compose/create-fleet.js";
import { createHooks } from "./compose/create-hooks.js";
import { createSelection } from "./compose/create-selection.js";
import { createServices } from "./compose/create-services.js";
import { type OpenCluster, openCluster } from "./compose/open-cluster.js";
import { type Kept, type KeptDeps, openKept, stopKept } from "./compose/open-kept.js";
import { type Money, type MoneyOptions, openMoney } from "./compose/open-money.js";
import { type NotificationDeps, type Notifications, openNotifications } from "./compose/open-notifications.js";
import { type KeptReputation, type OpenReputationDeps, openReputation } from "./compose/open-reputation.js";
import { openTimelines } from "./compose/open-timelines.js";
import { type Numbers, openNumbers } from "./compose/operator-numbers.js";
import { watchDisk } from "./compose/watch-disk.js";
import { watchHealth } from "./compose/watch-health.js";
import type { Config, ShownVariable } from "./config.js";
import { evidenceSettings, type PolicySettings } from "./dispatch/policy.js";
import { Registry } from "./fleet/registry.js";
import { verifyAppleDevice } from "./fleet/trust/apple-device.js";
import { AttestationVerifier, type VerifyDevice } from "./fleet/trust/attestation-verifier.js";
import { KeptAnswers } from "./http/idempotency/kept-answers.js";
import { EarningsOfMachines } from "./ledger/earnings-of-machines.js";
import { LiveOperator } from "./operator/operator-document.js";
import { OperatorSettings } from "./operator/operator-settings.js";
import { NO_SETTINGS, type Settings } from "./operator/settings.js";
import { SettingsSource } from "./operator/settings-source.js";
import { systemClock } from "./platform/clock.js";
import { type Ids, systemIds } from "./platform/ids.js";
import type { Logger } from "./platform/logger.js";
import { createMetrics, type Metrics } from "./platform/metrics.js";
import { ProviderContexts } from "./sealing/provider-contexts.js";
import { SealingKeys } from "./sealing/sealing-keys.js";
import { newSealingSecret } from "./sealing/sealing-secret.js";
import type { Secrets } from "./secrets.js";
import { drain } from "./shutdown.js";
import type { Store } from "./store/store.js";
import { MemoryRecords } from "./stored-responses/memory-records.js";
import { StoredResponses } from "./stored-responses/stored-responses.js";

export interface AppOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Where the log goes; absent = nobody is told of lines that cannot be written. */
  readonly logFile?: LogFile;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly ids?: Ids;
  /** The numbers of dispatch at the start, in the place of those in `settings`. */
  readonly policy?: PolicySettings;
  /** What the keys for sealed requests are derived from. Without one they last as long as this process. */
  readonly sealingSecret?: string;
  /** Names this coordinator among those of its database; absent = it is the only one. */
  readonly node?: string;
  /** Where what is owed to a store that is away is written down; absent = nowhere. */
  readonly journalDir?: string;
  /** What is kept over a restart; absent = nothing is. Closed when the coordinator stops. */
  readonly store?: Store;
  /** Who vouches for devices in place of Apple: for tests, which have no certificate of Apple's. */
  readonly verifyDevice?: VerifyDevice;
  /** Where the operator's settings are kept; or what they are at the start, kept nowhere, with defaults for the rest. */
  readonly settings?: Partial<Settings> | SettingsSource;
  /** What the environment has come to, for the operator to see. */
  readonly environment?: readonly ShownVariable[];
}

/** The name of one that is alone. */
const ONLY_NODE = "coordinator";

/** A coordinator that is listening. */
export interface Coordinator {
  readonly url: string;
  /** Where operators come in, if that is elsewhere. */
  readonly adminUrl?: string;
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Requests that wait for room now. */
  queued(): number;
  /**
   * The operator has changed the configuration file: everything goes by it from its next use on.
   *
   * @throws ConfigError when it does not fit to the rest of what he has said; then nothing changes
   */
  configure(settings: Settings): void;
  /** The same, with what the settings' file says now. One that is not valid changes nothing, and is told to the log. */
  reread(): void;
  /** While it stops: what still runs is ended now, told to its consumer and settled. */
  hurry(): void;
  /**
   * Takes nothing new, lets what runs end within the drain timeout, then closes everything.
   *
   * @returns what could not be written, in words for the operator; empty = nothing is lost
   */
  stop(): Promise<readonly string[]>;
}

/**
 * The composition root: makes every part and hands each what it needs.
 *
 * @throws the server's error when it cannot listen (`EADDRINUSE`, `EACCES`)
 */
export async function startCoordinator(options: AppOptions): Promise<Coordinator> {
  const { config, log, clock = systemClock, rng = systemRng, ids = systemIds, environment = [] } = options;
  const metrics = createMetrics();
  const disk = watchDisk({ ...options, metrics });
  const registry = new Registry(clock, config.departures);
  const contexts = new ProviderContexts(clock);
  const cluster = openClusterOf(options, { clock, rng, ids, registry, contexts });
  const { directory } = cluster;
  const { live, operatorSettings, changing } = await loadOperator({ ...options, clock }, disk.store, registry, cluster);
  const numbers = await openNumbers(live, { clock, log, store: disk.store.prices });
  const records = await openRecords(options, live, { clock, store: disk.store, breaker: numbers.breaker });
  const { reputation } = records;
  const hooks = createHooks({ metrics, log, registry, reputation });
  const kept = await openKeptOf(options, live, { clock, registry, ...cluster, hooks, store: disk.store });
  const { enrolment, knownModels, receipts, usage } = kept;
  cluster.listen(reloadsOf(live, kept));
  const notifications = await openNotificationsOf(options, live, { clock, directory, cluster, store: disk.store });
  const selection = createSelection({ clock, rng, directory, reputation, hooks: hooks.selection, ...numbers });
  const readings = addReadings(metrics, { clock, breaker: selection.breaker, publicUrl: config.publicUrl });
  const proving = provingBy(options, { clock, ids });
  const addProvider = createFleet({
    ...{ config, clock, log, registry, contexts, knownModels, enrolment },
    ...proving,
    earnings: earningsOf(disk.store, numbers, clock),
    standing: (id) => reputation.standing(id),
    eligibility: selection.eligibility,
    ...setAside(kept),
    rules: () => ({ manifest: live.current.manifest, versionFloor: live.current.catalog.versionFloors.base }),
    hooks: notifications.fleet({ ...hooks.fleet, connectionLost: selection.connectionLost }),
  });
  const money = await openMoneyOf(options, live, { clock, metrics, store: disk.store.ledger, cluster });
  const shutdown = shutdownController();
  let accepting = true;
  const { timelines, tracing } = await openTimelines(live, { clock, tracing: config.tracing });
  const services = createServices({
    ...{ clock, log, ids, directory, selection, contexts, knownModels, receipts, usage },
    ...{ ledger: money.ledger, payments: money.payments },
    receiptWaitMs: config.receiptWaitMs,
    ...{ rateLimiter: cluster.rateLimiter, accepting: () => accepting },
    ...{ attempts: hooks.attempts, settled: hooks.settled },
    watch: notifications.requests(timelines),
    ...numbers,
  });
  const health = watchHealth({ clock, directory, disk, trouble: cluster.trouble, settings: () => live.current.health });
  const { answers, sealing, stored } = keepers(options, live, { clock, ids, sealing: cluster.sealing });
  const { server, providers, operators, doors } = createDoors({
    ...{ config, log, secrets: options.secrets, live, clock, ids, metrics, directory, registry, cluster },
    ...{ selection, ready: () => accepting, services, sealing, addProvider },
    ...kept,
    ...proving,
    proved: hooks.proved,
    ...{ tariff: numbers.tariff, prices: numbers.prices, ownerPrices: numbers.ownerPrices },
    standing: (id) => reputation.standing(id),
    ...{ answers, stored, timelines, operatorSettings, environment },
    ...{ ledger: disk.store.ledger, ownerNotices: notifications.owners },
    ...{ troubles: health.troubles, shutdown: shutdown.signal, traceOf: tracing.traceOf },
  });
  const urls = await open({ server, operators: operators?.server }, cluster, options);
  return {
    ...urls,
    registry,
    metrics,
    queued: () => selection.queue.total,
    ...changing,
    hurry: () => shutdown.abort("shutdown"),
    async stop() {
      if (!accepting) return [];
      accepting = false;
      notifications.close();
      selection.queue.close();
      await drain({ ...options, doors, providers, registry, cluster, receipts, clock, shutdown });
      for (const each of [health, readings, sealing, answers, numbers.ownerPrices]) each[Symbol.dispose]();
      await Promise.all([tracing.stop(), notifications.ended()]);
      return oneByOne([() => stopKept(kept), money.stop, records.stop, disk.close]);
    },
  };
}

/** What is read anew when another coordinator has changed it. */
function reloadsOf(live: LiveOperator, kept: Kept): Parameters<OpenCluster["listen"]>[0] {
  const { enrolment, machineNotes, machinePauses } = kept;
  return {
    machine_tokens: () => enrolment.reload(),
    async machine_notes() {
      await Promise.all([machineNotes.reload(), machinePauses.reload()]);
    },
    operator: () => live.reload(),
  };
}

function openClusterOf(
  { config, log, node = ONLY_NODE }: AppOptions,
  on: Omit<Parameters<typeof openCluster>[0], "config" | "log" | "node">,
): OpenCluster {
  return openCluster({ ...on, config, log, node });
}

function openKeptOf(
  { config, log, secrets }: AppOptions,
  live: LiveOperator,
  on: Pick<KeptDeps, "clock" | "registry" | "directory" | "tell" | "shared" | "hooks" | "store">,
): Promise<Kept> {
  return openKept({
    ...on,
    log,
    sharedTokens: sharedTokens(live, secrets.providerToken),
    accounts: () => live.current.accounts,
    usage: () => live.current.usage,
    audit: () => live.current.audit,
    knownModelDays: config.knownModelDays,
  });
}

function openRecords(
  { log, node = ONLY_NODE }: AppOptions,
  live: LiveOperator,
  { store, ...on }: Pick<OpenReputationDeps, "clock" | "breaker"> & { readonly store: Store },
): Promise<KeptReputation> {
  return openReputation({ ...on, log, node, documents: store.documents, settings: () => live.current.reputation });
}

function openNotificationsOf(
  { config, log }: AppOptions,
  live: LiveOperator,
  { cluster, ...on }: Pick<NotificationDeps, "clock" | "directory" | "store"> & { readonly cluster: OpenCluster },
): Promise<Notifications> {
  return openNotifications(live, { ...on, config, log, isOwnersTurn: cluster.turn("notices") });
}

/** Ends one part after another. @returns what could not be written, in words for the operator */
async function oneByOne(ends: readonly (() => Promise<readonly string[]>)[]): Promise<readonly string[]> {
  const unwritten: string[] = [];
  for (const end of ends) unwritten.push(...(await end()));
  return unwritten;
}

/** What the operator has said. When it changes, everybody who is connected is judged by it anew. */
async function loadOperator(
  options: AppOptions & { readonly clock: Clock },
  { documents }: Store,
  registry: Registry,
  cluster: Pick<OpenCluster, "tell">,
): Promise<{
  readonly live: LiveOperator;
  readonly operatorSettings: OperatorSettings;
  readonly changing: Pick<Coordinator, "configure" | "reread">;
}> {
  const { settings, clock, log } = options;
  const live = await LiveOperator.load(firstSettings(options), documents, {
    changed() {
      for (const session of registry.connected()) session.rulesChanged();
    },
    told: () => cluster.tell("operator", ""),
  });
  const source = settings instanceof SettingsSource ? settings : SettingsSource.nowhere();
  const operatorSettings = new OperatorSettings({ live, source, clock, log });
  const changing = {
    configure: (next: Settings) => live.configure(next),
    reread: () => operatorSettings.reread(),
  };
  return { live, operatorSettings, changing };
}

function firstSettings({ settings, policy: dispatch }: AppOptions): Settings {
  const first = settings instanceof SettingsSource ? settings.first.settings : { ...NO_SETTINGS, ...settings };
  return dispatch === undefined ? first : { ...first, dispatch, evidence: evidenceSettings(dispatch, first.evidence) };
}

/** What is kept of requests in memory, and what opens those that come sealed. */
function keepers(
  { sealingSecret = newSealingSecret() }: AppOptions,
  live: LiveOperator,
  { clock, ids, sealing }: { readonly clock: Clock; readonly ids: Ids } & Pick<OpenCluster, "sealing">,
): Pick<BehindTheDoors, "answers" | "sealing" | "stored"> {
  const responses = new StoredResponses(new MemoryRecords(clock, () => live.current.storedResponses));
  return {
    answers: new KeptAnswers(clock, ids, () => live.current.idempotency),
    sealing: new SealingKeys(sealing?.secret ?? sealingSecret, clock, sealing?.replays),
    stored: (account) => (live.current.storedResponses.keptMs > 0 ? responses.of(account) : undefined),
  };
}

/** What machines have earned, for their owners to see. */
function earningsOf({ ledger }: Store, { tariff }: Numbers, clock: Clock): EarningsOfMachines {
  return new EarningsOfMachines({ clock, ledger, isPriced: () => tariff() !== undefined });
}

function openMoneyOf(
  { log, node = ONLY_NODE, journalDir, config }: AppOptions,
  live: LiveOperator,
  { cluster, ...on }: Pick<MoneyOptions, "clock" | "metrics" | "store"> & { readonly cluster: OpenCluster },
): Promise<Money> {
  return openMoney({
    ...on,
    isWebhookTurn: cluster.turn("webhooks"),
    ...{ log, node },
    webhook: config.webhook,
    ...(journalDir === undefined ? {} : { journalDir }),
    ledgerSettings: () => live.current.ledger,
    paymentSettings: () => live.current.payments,
    webhookSettings: () => live.current.webhooks,
  });
}

/** Every running request listens to it, and there may be any number of them. */
function shutdownController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** What is checked of machines that prove what they are. */
function provingBy(
  { verifyDevice = verifyAppleDevice }: AppOptions,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Pick<BehindTheDoors, "verifier" | "newChallenge"> {
  return { verifier: new AttestationVerifier(clock, verifyDevice), newChallenge: () => ids.challenge() };
}

interface Listening {
  readonly server: Server;
  readonly operators: Server | undefined;
}

/** Listens, and tells the others where. @throws the server's error when it cannot listen; then neither does */
async function open(
  servers: Listening,
  cluster: OpenCluster,
  { config, log }: AppOptions,
): Promise<Pick<Coordinator, "url" | "adminUrl">> {
  const urls = await listenAll(servers, config);
  log.info(urls, "listening");
  await cluster.start(urls.url);
  return urls;
}

async function listenAll(
  { server, operators }: Listening,
  config: Config,
): Promise<Pick<Coordinator, "url" | "adminUrl">> {
  const url = await listen(server, config);
  if (operators === undefined || config.adminAddress === undefined) return { url };
  try {
    return { url, adminUrl: await listen(operators, config.adminAddress) };
  } catch (error) {
    server.close();
    throw error;
  }
}

function listen(server: Server, { host, port }: Pick<Config, "host" | "port">): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`http://${host.includes(":") ? `[${host}]` : host}:${bound}`);
    });
  });
}
