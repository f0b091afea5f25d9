import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@hearth/platform";
import type { Configured } from "../accounts/adoption.js";
import { SignIn } from "../accounts/sign-in.js";
import type { BreakerRouteDeps } from "../admin/breaker.js";
import { FleetFeed } from "../admin/fleet-feed.js";
import { LiveFeed } from "../admin/live-feed.js";
import type { AdminMoneyDeps } from "../admin/money-routes.js";
import { createAdminApp } from "../admin/routes.js";
import type { Config, ShownVariable } from "../config.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import type { Registry } from "../fleet/registry.js";
import { acceptProviders, type ProviderServerDeps } from "../fleet/ws-server.js";
import { createHttpApp, type HttpDeps } from "../http/app.js";
import type { KeptAnswers } from "../http/idempotency/kept-answers.js";
import { createListener, type Listener } from "../http/listener.js";
import { OperatorsDoor } from "../http/operators-door.js";
import { Uploads } from "../http/uploads.js";
import { keySpending } from "../ledger/key-spending.js";
import type { PriceList, Tariff } from "../ledger/price-list.js";
import { OidcClient } from "../oidc/oidc-client.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { OperatorSettings } from "../operator/operator-settings.js";
import { clientAddress } from "../platform/client-address.js";
import type { Logger } from "../platform/logger.js";
import { VERSION } from "../platform/version.js";
import type { Secrets } from "../secrets.js";
import type { LedgerStore } from "../store/ledger-store.js";
import { LiveStats } from "../timeline/live-stats.js";
import type { RecentRequests } from "../timeline/recent-requests.js";
import { callersOf, configuredAccounts } from "./configured-accounts.js";
import type { AddProvider } from "./create-fleet.js";
import type { Selection } from "./create-selection.js";
import { createServer, type OwnedServer } from "./create-server.js";
import { enrolledMachine } from "./enrolled-machine.js";
import { findDashboard } from "./find-dashboard.js";
import { machineStandings } from "./machine-standings.js";
import type { OpenCluster } from "./open-cluster.js";
import type { Kept } from "./open-kept.js";

/** What consumers and providers come in by. */
interface Doors extends OwnedServer {
  /** What operators come in by, where they have an address of their own. */
  readonly operators: OwnedServer | undefined;
  /** Both. */
  readonly doors: readonly OwnedServer[];
  /** Those for providers. */
  readonly providers: Disposable;
}

/** What those who come in meet. */
export type BehindTheDoors = Kept &
  Pick<
    HttpDeps,
    | "ownerNotices"
    | "ownerPrices"
    | "services"
    | "traceOf"
    | "sealing"
    | "stored"
    | "troubles"
    | "shutdown"
    | "ready"
    | "ids"
    | "metrics"
    | "clock"
  > &
  Pick<ProviderServerDeps, "verifier" | "newChallenge" | "proved"> & {
    readonly config: Config;
    readonly secrets: Secrets;
    readonly log: Logger;
    readonly live: LiveOperator;
    readonly directory: FleetDirectory;
    /** The machines that are connected here. */
    readonly registry: Registry;
    readonly cluster: Pick<OpenCluster, "accept" | "shared">;
    readonly selection: Selection;
    readonly tariff: () => Tariff | undefined;
    readonly prices: () => PriceList;
    readonly standing: HttpDeps["standing"];
    readonly ledger: LedgerStore;
    readonly answers: KeptAnswers;
    readonly timelines: RecentRequests;
    readonly operatorSettings: OperatorSettings;
    readonly environment: readonly ShownVariable[];
    readonly addProvider: AddProvider;
  };

/** Makes the server: its routes for consumers and the operator, and the way in for machines. It does not listen yet. */
export function createDoors(behind: BehindTheDoors): Doors {
  const { config, secrets, log, live, clock, metrics, directory, selection, accounts } = behind;
  const addressOf = (incoming: IncomingMessage): string => clientAddress(incoming, config.proxies);
  const recognised = (socket: Duplex): void => {
    owned.connections.recognise(socket);
    operators?.connections.recognise(socket);
  };
  const inFlight = (): number => owned.connections.inFlight + (operators?.connections.inFlight ?? 0);
  const operatorsDoor = new OperatorsDoor(config.adminAddress !== undefined);
  const signIn = new SignIn(clock, () => live.current.signIn, behind.cluster.shared);
  const common = {
    ...{ clock, log, recognised, signIn, directory, ...callersOf(live, secrets, accounts, signIn) },
    machineStandings: machineStandings(directory, behind.standing),
  };
  const money = moneyOf(behind);
  const models: HttpDeps["models"] = () => ({
    ...{ directory, catalog: live.current.catalog, clock },
    ...{ offers: selection.offers, tariff: behind.tariff() },
  });
  const http: HttpDeps = {
    ...behind,
    ...common,
    ...money,
    ...httpSettings(config, clock),
    arePrivateAllowed: config.ownerWebhooks === "private",
    oidc: config.oidc && { settings: config.oidc, log, client: new OidcClient({ settings: config.oidc, clock, log }) },
    explainMachine: selection.explainMachine,
    ...{ inFlight, version: VERSION, operatorsDoor },
    priceLimits: (build, atMs) => behind.prices().limits(build, atMs),
    isAlias: (model) => live.current.catalog.aliases.has(model),
    spending: (key) => keySpending(behind, key),
    admin: createAdminApp({
      ...{ ...behind, ...common, ...money, explain: selection.explain, ...breakerOf(behind), models },
      slots: selection.slots,
      explainMachine: selection.explainMachine,
      fleetFeed: new FleetFeed({ clock, directory }),
      liveFeed: liveFeedOf(behind, inFlight),
      operatorSettings: behind.operatorSettings,
      enrolledMachine: enrolledMachine(behind.registry, behind.enrolment),
      ...{ operator: live, configured: () => configuredOf(live), configuredAccounts: configuredAccounts(live) },
    }),
    kept: behind.answers,
    addressOf,
    signInSettings: () => live.current.signIn,
    cors: () => live.current.cors,
    models,
  };
  const listener = createListener(createHttpApp(http), http);
  const owned = createServer(listener, config, metrics.connectionsEnded);
  const operators = config.adminAddress && operatorsServer(listener, operatorsDoor, behind);
  const providers = acceptProviders(owned.server, {
    ...behind,
    log,
    holderOf(token) {
      const holder = behind.enrolment.tokens.resolve(token);
      return holder === undefined || accounts.isSuspended(holder.account) ? undefined : holder;
    },
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    addressOf,
    accepting: behind.ready,
    registered: behind.addProvider,
    refused: (reason) => metrics.connectionsClosed.inc({ reason }),
    ...owned.forProviders,
    withoutUpgrade(request, raw, head) {
      const isNode = behind.cluster.accept(request, raw, head, { addressOf, recognised });
      if (!isNode) owned.forProviders.withoutUpgrade(request, raw, head);
    },
  });
  return { ...owned, providers, operators, doors: operators === undefined ? [owned] : [owned, operators] };
}

/** Connections at the operators' own address: people, and what looks at metrics. */
const OPERATORS_CONNECTIONS = 256;

function operatorsServer(
  listener: Listener,
  door: OperatorsDoor,
  { config: { proxies }, metrics }: BehindTheDoors,
): OwnedServer {
  const serve: Listener = (incoming, outgoing) => {
    door.enter(incoming);
    return listener(incoming, outgoing);
  };
  return createServer(serve, { maxConnections: OPERATORS_CONNECTIONS, proxies }, metrics.connectionsEnded);
}

/** What happens, for who watches; counted from the start on, so that the first look tells of the minute before. */
function liveFeedOf({ clock, directory, selection, timelines }: BehindTheDoors, inFlight: () => number): LiveFeed {
  const stats = new LiveStats(clock);
  timelines.watch((ended) => stats.note(ended));
  return new LiveFeed({
    ...{ clock, directory, timelines, inFlight },
    numbers: () => stats.read(),
    queued: () => selection.queue.total,
  });
}

/** What the operator sees and clears of the breaker. Who waits is looked at again then. */
function breakerOf({ selection: { breaker, queue }, directory }: BehindTheDoors): BreakerRouteDeps {
  return {
    breaker: {
      held: () => breaker.held(),
      clear(id, model) {
        const cleared = breaker.clear(id, model);
        directory.changed();
        return cleared;
      },
    },
    waiting: () => queue.waiting(),
  };
}

/** What the routes of money need. An account may be the store's, or one that the configuration names. */
function moneyOf({ live, ledger, clock, accounts }: BehindTheDoors): AdminMoneyDeps {
  const configured = configuredAccounts(live);
  return {
    ...{ ledger, clock },
    minimumPayout: () => BigInt(live.current.payouts.minimumMicroUsd),
    isAccount: async (id) => configured().has(id) || (await accounts.find(id)) !== undefined,
  };
}

/** Whom the configuration file names, as it was last read. */
function configuredOf({ current: { apiKeys: keys, providerTokens: tokens } }: LiveOperator): Configured {
  return { keys, tokens };
}

/** What the routes are told of the configuration. */
function httpSettings(
  { publicUrl, dashboardDir, readyGraceMs, uploads, bodies }: Config,
  clock: Clock,
): Pick<HttpDeps, "publicUrl" | "dashboardDir" | "readyGraceMs" | "uploads" | "bounds"> {
  return {
    ...{ publicUrl, readyGraceMs, bounds: bodies },
    dashboardDir: dashboardDir ?? findDashboard(),
    uploads: new Uploads(uploads, clock),
  };
}
