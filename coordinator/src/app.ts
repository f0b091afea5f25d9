import { setMaxListeners } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { LogFile } from "@hearth/disk";
import { type Clock, type Rng, systemRng } from "@hearth/platform";
import type { Accounts } from "./accounts/accounts.js";
import { type FixedKey, type FixedKeys, fixedKeys } from "./accounts/fixed-keys.js";
import { principals } from "./accounts/principals.js";
import type { Principals } from "./accounts/resolution.js";
import type { AdminMoneyDeps } from "./admin/money-routes.js";
import { createAdminApp } from "./admin/routes.js";
import { type AddProvider, createFleet } from "./compose/create-fleet.js";
import { createHooks } from "./compose/create-hooks.js";
import { createSelection, type Selection, type SelectionDeps } from "./compose/create-selection.js";
import { createServer, type OwnedServer } from "./compose/create-server.js";
import { createServices, type ServiceDeps } from "./compose/create-services.js";
import { type Kept, openKept, stopKept } from "./compose/open-kept.js";
import { type Money, type MoneyOptions, openMoney } from "./compose/open-money.js";
import { type KeptReputation, type OpenReputationDeps, openReputation } from "./compose/open-reputation.js";
import { watchDisk } from "./compose/watch-disk.js";
import type { Config } from "./config.js";
import { evidenceSettings, type PolicySettings } from "./dispatch/policy.js";
import { Registry } from "./fleet/registry.js";
import { verifyAppleDevice } from "./fleet/trust/apple-device.js";
import { AttestationVerifier, type VerifyDevice } from "./fleet/trust/attestation-verifier.js";
import { acceptProviders, type ProviderServerDeps } from "./fleet/ws-server.js";
import { createHttpApp, type HttpDeps } from "./http/app.js";
import { KeptAnswers } from "./http/idempotency/kept-answers.js";
import { Uploads } from "./http/uploads.js";
import { EarningsOfMachines } from "./ledger/earnings-of-machines.js";
import { PriceList, type Tariff } from "./ledger/price-list.js";
import { LiveOperator } from "./operator/operator-document.js";
import { NO_SETTINGS, type Settings } from "./operator/settings.js";
import { clientAddress } from "./platform/client-address.js";
import { systemClock } from "./platform/clock.js";
import { type Credentials, createCredentials } from "./platform/credentials.js";
import { type Ids, systemIds } from "./platform/ids.js";
import type { Logger } from "./platform/logger.js";
import { createMetrics, type Metrics } from "./platform/metrics.js";
import { ProviderContexts } from "./sealing/provider-contexts.js";
import { SealingKeys } from "./sealing/sealing-keys.js";
import { newSealingSecret } from "./sealing/sealing-secret.js";
import type { Secrets } from "./secrets.js";
import { drain } from "./shutdown.js";
import type { LedgerStore } from "./store/ledger-store.js";
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
  /** What the operator's configuration file says at the start; what is left out has its default. */
  readonly settings?: Partial<Settings>;
}

/** A coordinator that is listening. */
export interface Coordinator {
  readonly url: string;
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
  /**
   * Takes nothing new, lets what runs end within the drain timeout, then closes everything.
   *
   * @returns what could not be written, in words for the operator; empty = nothing is lost
   */
  stop(): Promise<readonly string[]>;
}

/** The account of the API key and the provider token that every coordinator has. */
const DEFAULT_ACCOUNT = "default";

/**
 * The composition root: makes every part and hands each what it needs.
 *
 * @throws the server's error when it cannot listen (`EADDRINUSE`, `EACCES`)
 */
export async function startCoordinator(options: AppOptions): Promise<Coordinator> {
  const { config, log, clock = systemClock, rng = systemRng, ids = systemIds } = options;
  const metrics = createMetrics();
  const disk = watchDisk({ ...options, metrics });
  const registry = new Registry(clock, config.departures);
  const live = await loadOperator(options, disk.store, registry);
  const numbers = numbersOf(live, clock);
  const records = await openRecords(live, { clock, log, documents: disk.store.documents, breaker: numbers.breaker });
  const { reputation } = records;
  const hooks = createHooks({ metrics, log, registry, reputation });
  const kept = await openKept({
    ...{ clock, log, registry, hooks, store: disk.store },
    sharedTokens: sharedTokens(live, options.secrets.providerToken),
    accounts: () => live.current.accounts,
    usage: () => live.current.usage,
    knownModelDays: config.knownModelDays,
  });
  const { enrolment, knownModels, receipts, usage } = kept;
  const selection = createSelection({ clock, rng, registry, reputation, hooks: hooks.selection, ...numbers });
  const contexts = new ProviderContexts(clock);
  const proving = {
    verifier: new AttestationVerifier(clock, options.verifyDevice ?? verifyAppleDevice),
    newChallenge: () => ids.challenge(),
  };
  const addProvider = createFleet({
    ...{ config, clock, log, registry, contexts, knownModels, enrolment },
    ...proving,
    earnings: earningsOf(disk.store, numbers, clock),
    standing: (id) => reputation.standing(id),
    rules: () => ({ manifest: live.current.manifest, versionFloor: live.current.catalog.versionFloors.base }),
    hooks: { ...hooks.fleet, connectionLost: selection.connectionLost },
  });
  const money = await openMoneyOf(options, live, { clock, metrics, store: disk.store.ledger });
  const shutdown = shutdownController();
  let accepting = true;
  const ready = (): boolean => accepting;
  const services = createServices({
    ...{ clock, ids, registry, selection, contexts, knownModels, receipts, usage },
    ...{ ledger: money.ledger, payments: money.payments },
    receiptWaitMs: config.receiptWaitMs,
    accepting: ready,
    attempts: hooks.attempts,
    settled: hooks.settled,
    ...numbers,
  });
  const { answers, sealing, stored } = keepers(options, live, { clock, ids });
  const { server, connections, providers } = openDoors({
    ...{ options, live, clock, ids, metrics, registry, selection, ready, services, sealing, addProvider },
    ...kept,
    ...proving,
    proved: hooks.proved,
    tariff: numbers.tariff,
    standing: (id) => reputation.standing(id),
    ...{ answers, stored, ledger: disk.store.ledger },
    troubles: disk.troubles,
    shutdown: shutdown.signal,
  });
  const url = await listen(server, config);
  log.info({ url }, "listening");
  return {
    url,
    registry,
    metrics,
    queued: () => selection.queue.total,
    configure: (settings) => live.configure(settings),
    async stop() {
      if (!accepting) return [];
      accepting = false;
      selection.queue.close();
      await drain({ server, connections, providers, registry, receipts, clock, shutdown, bounds: config });
      sealing[Symbol.dispose]();
      answers[Symbol.dispose]();
      const unwritten = await oneByOne([() => stopKept(kept), money.stop, records.stop, disk.close]);
      log.info("stopped");
      return unwritten;
    },
  };
}

function openRecords(live: LiveOperator, deps: Omit<OpenReputationDeps, "settings">): Promise<KeptReputation> {
  return openReputation({ ...deps, settings: () => live.current.reputation });
}

/** Ends one part after another. @returns what could not be written, in words for the operator */
async function oneByOne(ends: readonly (() => Promise<readonly string[]>)[]): Promise<readonly string[]> {
  const unwritten: string[] = [];
  for (const end of ends) unwritten.push(...(await end()));
  return unwritten;
}

/** What the operator has said. When it changes, everybody who is connected is judged by it anew. */
function loadOperator(options: AppOptions, { documents }: Store, registry: Registry): Promise<LiveOperator> {
  return LiveOperator.load(firstSettings(options), documents, {
    changed() {
      for (const session of registry.connected()) session.rulesChanged();
    },
  });
}

function firstSettings({ settings, policy: dispatch }: AppOptions): Settings {
  const first = { ...NO_SETTINGS, ...settings };
  return dispatch === undefined ? first : { ...first, dispatch, evidence: evidenceSettings(dispatch, first.evidence) };
}

/** The provider token that every coordinator has, and those of the configuration file. */
function sharedTokens(live: LiveOperator, secret: string): Credentials {
  const credentials = live.derived(({ providerTokens }) =>
    createCredentials([{ secret, account: DEFAULT_ACCOUNT }, ...providerTokens]),
  );
  return { accountOf: (offered) => credentials().accountOf(offered) };
}

/** Who may call what: the keys of the configuration, each kind for its own, and those of accounts by their scopes. */
function callersOf(
  live: LiveOperator,
  { apiKey, adminKey }: Secrets,
  accounts: Accounts,
): { readonly principals: Principals; readonly operators: Principals } {
  const known = (fixed: () => FixedKeys): Principals =>
    principals({ fixed, stored: accounts.keys, isSuspended: (account) => accounts.isSuspended(account) });
  const consumers = live.derived(({ apiKeys }) => fixedKeys(consumerKeys(apiKey, apiKeys)));
  const operator = fixedKeys([{ secret: adminKey, account: "admin", name: "HEARTH_ADMIN_KEY", scopes: ["admin"] }]);
  return { principals: known(consumers), operators: known(() => operator) };
}

function consumerKeys(secret: string, more: Settings["apiKeys"]): readonly FixedKey[] {
  const scopes = ["inference", "provider"] as const;
  return [
    { secret, account: DEFAULT_ACCOUNT, name: "HEARTH_API_KEY", scopes },
    ...more.map((key) => ({ ...key, name: "configuration file", scopes })),
  ];
}

type Numbers = Omit<SelectionDeps, "clock" | "rng" | "registry" | "hooks" | "reputation"> &
  Pick<ServiceDeps, "catalog" | "policy" | "calibration" | "tariff">;

/** What admission, selection and dispatch go by, as the operator has it at each use. */
function numbersOf(live: LiveOperator, clock: Clock): Numbers {
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

/** What is kept of requests in memory, and what opens those that come sealed. */
function keepers(
  { sealingSecret = newSealingSecret() }: AppOptions,
  live: LiveOperator,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Pick<BehindTheDoors, "answers" | "sealing" | "stored"> {
  const responses = new StoredResponses(new MemoryRecords(clock, () => live.current.storedResponses));
  return {
    answers: new KeptAnswers(clock, ids, () => live.current.idempotency),
    sealing: new SealingKeys(sealingSecret, clock),
    stored: (account) => (live.current.storedResponses.keptMs > 0 ? responses.of(account) : undefined),
  };
}

/** What machines have earned, for their owners to see. */
function earningsOf({ ledger }: Store, { tariff }: Numbers, clock: Clock): EarningsOfMachines {
  return new EarningsOfMachines({ clock, ledger, isPriced: () => tariff() !== undefined });
}

function openMoneyOf(
  { log, node, journalDir, config }: AppOptions,
  live: LiveOperator,
  on: Pick<MoneyOptions, "clock" | "metrics" | "store">,
): Promise<Money> {
  return openMoney({
    ...on,
    log,
    webhook: config.webhook,
    ...(node === undefined ? {} : { node }),
    ...(journalDir === undefined ? {} : { journalDir }),
    ledgerSettings: () => live.current.ledger,
    paymentSettings: () => live.current.payments,
  });
}

/** Every running request listens to it, and there may be any number of them. */
function shutdownController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** What consumers and providers come in by. */
interface Doors extends OwnedServer {
  /** Those for providers. */
  readonly providers: Disposable;
}

type BehindTheDoors = Kept &
  Pick<HttpDeps, "services" | "sealing" | "stored" | "troubles" | "shutdown" | "ready" | "ids" | "metrics" | "clock"> &
  Pick<ProviderServerDeps, "verifier" | "newChallenge" | "proved"> & {
    readonly options: AppOptions;
    readonly live: LiveOperator;
    readonly registry: Registry;
    readonly selection: Selection;
    readonly tariff: () => Tariff | undefined;
    readonly standing: HttpDeps["standing"];
    readonly ledger: LedgerStore;
    readonly answers: KeptAnswers;
    readonly addProvider: AddProvider;
  };

function openDoors(behind: BehindTheDoors): Doors {
  const { options, live, clock, metrics, registry, selection, enrolment, accounts, ready, addProvider } = behind;
  const { config, secrets, log } = options;
  const addressOf = (incoming: IncomingMessage): string => clientAddress(incoming, config.proxies);
  const recognised = (socket: Duplex): void => owned.connections.recognise(socket);
  const common = { clock, log, recognised, directory: registry, ...callersOf(live, secrets, accounts) };
  const money = moneyOf(behind);
  const app = createHttpApp({
    ...behind,
    ...common,
    ...money,
    ...httpSettings(config, clock),
    admin: createAdminApp({ ...behind, ...common, ...money, operator: live }),
    kept: behind.answers,
    addressOf,
    cors: () => live.current.cors,
    models: () => ({
      ...{ directory: registry, catalog: live.current.catalog, clock },
      ...{ offers: selection.offers, tariff: behind.tariff() },
    }),
  });
  const owned = createServer(app.fetch, config, metrics.connectionsEnded);
  const providers = acceptProviders(owned.server, {
    ...behind,
    log,
    holderOf(token) {
      const holder = enrolment.tokens.resolve(token);
      return holder === undefined || accounts.isSuspended(holder.account) ? undefined : holder;
    },
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    addressOf,
    accepting: ready,
    registered: addProvider,
    refused: (reason) => metrics.connectionsClosed.inc({ reason }),
    ...owned.forProviders,
  });
  return { ...owned, providers };
}

/** What the routes of money need. An account may be the store's, or one that the configuration names. */
function moneyOf({ live, ledger, clock, accounts }: BehindTheDoors): AdminMoneyDeps {
  const named = live.derived(
    ({ apiKeys, providerTokens }) =>
      new Set([DEFAULT_ACCOUNT, ...[...apiKeys, ...providerTokens].map(({ account }) => account)]),
  );
  return {
    ...{ ledger, clock },
    minimumPayout: () => BigInt(live.current.payouts.minimumMicroUsd),
    isAccount: async (id) => named().has(id) || (await accounts.find(id)) !== undefined,
  };
}

/** What the routes are told of the configuration. */
function httpSettings(
  { publicUrl, readyGraceMs, uploads, bodies }: Config,
  clock: Clock,
): Pick<HttpDeps, "publicUrl" | "readyGraceMs" | "uploads" | "bounds"> {
  return { publicUrl, readyGraceMs, uploads: new Uploads(uploads, clock), bounds: bodies };
}

function listen(server: Server, { host, port }: Config): Promise<string> {
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
