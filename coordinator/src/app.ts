import type { Server } from "node:http";
import { sealRequest } from "@hearth/e2e";
import type { CloseReason } from "@hearth/protocol";
import { createAdaptorServer } from "@hono/node-server";
import type { Config } from "./config.js";
import type { AttemptEnd } from "./dispatch/attempt.js";
import type { AttemptObserver } from "./dispatch/open-attempt.js";
import { DEFAULT_POLICY, type PolicySettings } from "./dispatch/policy.js";
import { ProviderSession } from "./fleet/provider-session.js";
import { Registry } from "./fleet/registry.js";
import { acceptProviders } from "./fleet/ws-server.js";
import { createHttpApp } from "./http/app.js";
import { type Clock, systemClock } from "./platform/clock.js";
import { createCredentials } from "./platform/credentials.js";
import { type Ids, systemIds } from "./platform/ids.js";
import type { Logger } from "./platform/logger.js";
import { createMetrics, type Metrics } from "./platform/metrics.js";
import { type Rng, systemRng } from "./platform/rng.js";
import type { Secrets } from "./secrets.js";
import { createPicker } from "./selection/picker.js";
import { drain } from "./shutdown.js";

export interface AppOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly ids?: Ids;
  readonly policy?: PolicySettings;
}

/** A coordinator that is listening. */
export interface Coordinator {
  readonly url: string;
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Takes nothing new, lets what runs end within the drain timeout, then closes everything. */
  stop(): Promise<void>;
}

/** The account of the one API key and provider token of a coordinator without an account store. */
const ONLY_ACCOUNT = "default";

/**
 * The composition root: makes every part and hands each what it needs.
 *
 * @throws the server's error when it cannot listen (`EADDRINUSE`, `EACCES`)
 */
export async function startCoordinator(options: AppOptions): Promise<Coordinator> {
  const { config, secrets, log, clock = systemClock, rng = systemRng, ids = systemIds } = options;
  const metrics = createMetrics();
  const registry = new Registry();
  const knownModels = new Set<string>();
  const shutdown = new AbortController();
  let accepting = true;
  const ready = (): boolean => accepting;
  const picker = createPicker({
    providers: () => registry.providers(),
    rng,
    rejected: (gate) => metrics.gateRejections.inc({ gate }),
    decided: (provider, score) => log.debug({ provider, ...score }, "provider chosen"),
  });
  const services = {
    admission: { clock, knownModels, accepting: ready },
    dispatch: { picker, session: (id) => registry.get(id), ids, seal: sealRequest, observer: observe(metrics) },
    settlement: { clock, metrics },
    policy: options.policy ?? DEFAULT_POLICY,
    clock,
  } satisfies Parameters<typeof createHttpApp>[0]["services"];
  const app = createHttpApp({
    services,
    apiKeys: createCredentials([{ secret: secrets.apiKey, account: ONLY_ACCOUNT }]),
    adminKey: secrets.adminKey,
    ids,
    clock,
    log,
    metrics,
    registry,
    ready,
    shutdown: shutdown.signal,
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const sessions = sessionStarter({ clock, log, metrics, registry, knownModels });
  const providers = acceptProviders(server, {
    clock,
    log,
    tokens: createCredentials([{ secret: secrets.providerToken, account: ONLY_ACCOUNT }]),
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    registered: sessions,
    refused: (reason) => metrics.connectionsClosed.inc({ reason }),
  });
  const url = await listen(server, config);
  log.info({ url }, "listening");
  return {
    url,
    registry,
    metrics,
    async stop() {
      if (!accepting) return;
      accepting = false;
      await drain({ server, providers, registry, metrics, clock, shutdown, timeoutMs: config.drainTimeoutMs });
      log.info("stopped");
    },
  };
}

function sessionStarter(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly knownModels: Set<string>;
}): (registration: ConstructorParameters<typeof ProviderSession>[0]) => void {
  const { registry, metrics, log, knownModels } = deps;
  const hooks = {
    updated(session: ProviderSession) {
      for (const model of session.models.keys()) knownModels.add(model);
      registry.changed();
    },
    closed(session: ProviderSession, reason: CloseReason | "peer_closed") {
      registry.remove(session);
      metrics.providers.set(registry.size);
      metrics.connectionsClosed.inc({ reason });
      log.info({ provider: session.id, reason }, "provider gone");
    },
    unknownFrame: () => metrics.unknownFrames.inc(),
  };
  return (registration) => {
    const session = new ProviderSession(registration, { clock: deps.clock, log, hooks });
    registry.add(session);
    hooks.updated(session);
    metrics.providers.set(registry.size);
    log.info({ provider: session.id, name: session.name, models: [...session.models.keys()] }, "provider registered");
  };
}

function observe(metrics: Metrics): AttemptObserver {
  return {
    started: () => metrics.openStreams.inc(),
    ended: (_attempt, end) => {
      metrics.openStreams.dec();
      metrics.attempts.inc({ end: endName(end) });
    },
  };
}

function endName(end: AttemptEnd): string {
  switch (end.type) {
    case "completed":
      return "completed";
    case "failed":
      return end.failure.code;
    case "cancelled":
      return end.reason;
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
