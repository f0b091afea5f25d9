import { setMaxListeners } from "node:events";
import type { Server } from "node:http";
import { sealRequest } from "@hearth/e2e";
import type { ProviderId } from "@hearth/protocol";
import { createAdaptorServer } from "@hono/node-server";
import type { Config } from "./config.js";
import type { AttemptEnd } from "./dispatch/attempt.js";
import { Hedging } from "./dispatch/hedging.js";
import type { AttemptObserver, OpenAttemptDeps } from "./dispatch/open-attempt.js";
import { DEFAULT_POLICY, type PolicySettings } from "./dispatch/policy.js";
import { refuse } from "./fleet/handshake.js";
import { ProviderSession, type SessionHooks } from "./fleet/provider-session.js";
import type { Registration } from "./fleet/registration.js";
import { Registry } from "./fleet/registry.js";
import { acceptProviders } from "./fleet/ws-server.js";
import { createHttpApp } from "./http/app.js";
import { type Clock, systemClock } from "./platform/clock.js";
import { createCredentials } from "./platform/credentials.js";
import { type Ids, systemIds } from "./platform/ids.js";
import type { Logger } from "./platform/logger.js";
import { createMetrics, type Metrics } from "./platform/metrics.js";
import { type Rng, systemRng } from "./platform/rng.js";
import type { RequestServices } from "./request/handle-request.js";
import type { Secrets } from "./secrets.js";
import type { Catalog } from "./selection/catalog.js";
import { OutlierDetector } from "./selection/outlier.js";
import { createPicker } from "./selection/picker.js";
import { WaitQueue } from "./selection/wait-queue.js";
import { NO_SETTINGS, type Settings } from "./settings.js";
import { drain, watchRequests } from "./shutdown.js";

export interface AppOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly ids?: Ids;
  readonly policy?: PolicySettings;
  /** What the operator's configuration file says. */
  readonly settings?: Settings;
}

/** A coordinator that is listening. */
export interface Coordinator {
  readonly url: string;
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Requests that wait for room now. */
  queued(): number;
  /** Takes nothing new, lets what runs end within the drain timeout, then closes everything. */
  stop(): Promise<void>;
}

/** The account of the API key and the provider token that every coordinator has. */
const DEFAULT_ACCOUNT = "default";

/**
 * The composition root: makes every part and hands each what it needs.
 *
 * @throws the server's error when it cannot listen (`EADDRINUSE`, `EACCES`)
 */
export async function startCoordinator(options: AppOptions): Promise<Coordinator> {
  const { config, secrets, log, clock = systemClock, rng = systemRng, ids = systemIds } = options;
  const { catalog, apiKeys, providerTokens } = options.settings ?? NO_SETTINGS;
  const metrics = createMetrics();
  const fleet = createFleet({ clock, log, metrics, maxPerAccount: config.maxConnectionsPerAccount });
  const { registry } = fleet;
  const shutdown = new AbortController();
  // Every running request listens to it, and there may be any number of them.
  setMaxListeners(0, shutdown.signal);
  let accepting = true;
  const ready = (): boolean => accepting;
  const selection = createSelection({ clock, rng, log, metrics, registry, catalog });
  const services: RequestServices = {
    admission: { ...selection, clock, catalog, knownModels: fleet.knownModels, accepting: ready },
    dispatch: {
      ...selection,
      session: (id) => registry.get(id),
      ids,
      clock,
      seal: sealRequest,
      observer: observeAttempts(metrics),
    },
    settlement: { clock, metrics },
    policy: options.policy ?? DEFAULT_POLICY,
    clock,
  };
  const app = createHttpApp({
    services,
    apiKeys: createCredentials([{ secret: secrets.apiKey, account: DEFAULT_ACCOUNT }, ...apiKeys]),
    adminKey: secrets.adminKey,
    ids,
    clock,
    log,
    metrics,
    registry,
    catalog,
    ready,
    shutdown: shutdown.signal,
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const requests = watchRequests(server);
  const providers = acceptProviders(server, {
    clock,
    log,
    tokens: createCredentials([{ secret: secrets.providerToken, account: DEFAULT_ACCOUNT }, ...providerTokens]),
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    accepting: ready,
    registered: fleet.registered,
    refused: (reason) => metrics.connectionsClosed.inc({ reason }),
  });
  const url = await listen(server, config);
  log.info({ url }, "listening");
  return {
    url,
    registry,
    metrics,
    queued: () => selection.queue.total,
    async stop() {
      if (!accepting) return;
      accepting = false;
      selection.queue.close();
      await drain({ server, requests, providers, registry, clock, shutdown, timeoutMs: config.drainTimeoutMs });
      log.info("stopped");
    },
  };
}

interface Fleet {
  readonly registry: Registry;
  /** Every model that anybody has advertised since the start. */
  readonly knownModels: ReadonlySet<string>;
  readonly registered: (registration: Registration) => void;
}

interface FleetDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Machines that one account may have connected. */
  readonly maxPerAccount: number;
}

function createFleet({ clock, log, metrics, maxPerAccount }: FleetDeps): Fleet {
  const registry = new Registry(clock);
  const knownModels = new Set<string>();
  const hooks: SessionHooks = {
    updated(session) {
      for (const model of session.models.keys()) remember(knownModels, model);
      registry.changed();
    },
    closed(session, reason) {
      if (reason === "untrusted") registry.distrust(session.id);
      registry.departed(session, reason !== "left");
      metrics.providers.set(registry.size);
      metrics.connectionsClosed.inc({ reason });
      log.info({ provider: session.id, reason }, "provider gone");
    },
    unknownFrame: () => metrics.unknownFrames.inc(),
    cancelConfirmed: (spent) => metrics.tokens.inc({ kind: "cancelled" }, spent?.completion_tokens ?? 0),
  };
  const distrusted = (id: ProviderId): boolean => registry.isDistrusted(id);
  const registered = (registration: Registration): void => {
    if (registry.othersOf(registration.account, registration.provider) >= maxPerAccount) {
      metrics.connectionsClosed.inc({ reason: "too_many_connections" });
      return refuse(registration.socket, "too_many_connections");
    }
    const session = new ProviderSession(registration, { clock, log, hooks, distrusted });
    registry.add(session);
    hooks.updated(session);
    metrics.providers.set(registry.size);
    log.info({ provider: session.id, name: session.name, models: [...session.models.keys()] }, "provider registered");
  };
  return { registry, knownModels, registered };
}

/** Models remembered at most. One that is served comes back with its provider's next word. */
const MAX_KNOWN_MODELS = 10_000;

function remember(models: Set<string>, model: string): void {
  if (models.has(model)) return;
  models.add(model);
  const oldest = models.values().next().value;
  if (models.size > MAX_KNOWN_MODELS && oldest !== undefined) models.delete(oldest);
}

interface SelectionDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly catalog: Catalog;
}

function createSelection(deps: SelectionDeps): Pick<OpenAttemptDeps, "picker" | "queue" | "hedging"> {
  const { clock, rng, log, metrics, registry, catalog } = deps;
  const providers = (): Iterable<ProviderSession> => registry.providers();
  const outlier = new OutlierDetector({
    clock,
    rng,
    providers,
    hooks: {
      ejected: (shape) => metrics.cooldowns.inc({ kind: shape }),
      capacityCooled: () => metrics.cooldowns.inc({ kind: "capacity" }),
      fleetWideFault: (shape) => metrics.fleetWideFaults.inc({ shape }),
    },
  });
  const picker = createPicker({
    providers,
    catalog,
    outlier,
    clock,
    rng,
    rejected: (gate) => metrics.gateRejections.inc({ gate }),
    decided: (provider, score) => log.debug({ provider, ...score }, "provider chosen"),
  });
  const queue = new WaitQueue(picker, clock, {
    depth: (total) => metrics.queueDepth.set(total),
    waited: (ms) => metrics.queueSeconds.observe(ms / 1000),
  });
  registry.watch(() => queue.drain());
  const hedging = new Hedging({
    providers,
    queue,
    suppressed: (reason) => metrics.hedgesSuppressed.inc({ reason }),
    backupWon: () => metrics.speculativeWins.inc(),
  });
  return { picker, queue, hedging };
}

function observeAttempts(metrics: Metrics): AttemptObserver {
  return {
    started: () => metrics.openStreams.inc(),
    content: (first, gapMs) => (first ? metrics.ttftSeconds : metrics.interChunkSeconds).observe(gapMs / 1000),
    ended: (role, end) => {
      metrics.openStreams.dec();
      metrics.dispatches.inc({ role, result: dispatchResult(end) });
    },
  };
}

function dispatchResult(end: AttemptEnd): string {
  switch (end.type) {
    case "completed":
      return "success";
    case "failed":
      if (end.afterContent) return "in_band_error";
      return end.failure.retryable ? "retry_precontent" : "failure";
    case "cancelled":
      return end.reason === "deadline" || end.reason === "stalled" ? "timeout" : "cancelled";
  }
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
