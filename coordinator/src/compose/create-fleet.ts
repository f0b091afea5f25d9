import { type Clock, describeFault } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Config } from "../config.js";
import { refuse } from "../fleet/handshake.js";
import { DEFAULT_KNOWN_MODEL_LIMITS, KnownModels } from "../fleet/known-models.js";
import { ProviderSession, type SessionHooks } from "../fleet/provider-session.js";
import type { Registration } from "../fleet/registration.js";
import type { Registry } from "../fleet/registry.js";
import { isLoss, type SessionEnd } from "../fleet/session-end.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import { ProviderContexts } from "../sealing/provider-contexts.js";
import type { KnownModelStore } from "../store/known-model-store.js";
import type { Trust } from "./create-trust.js";

/** Why a session ended that no request is to wait for. */
const NOT_COMING_BACK: ReadonlySet<SessionEnd> = new Set(["left", "unauthorized"]);

export interface Fleet {
  readonly knownModels: KnownModels;
  readonly contexts: ProviderContexts;
  readonly registered: (registration: Registration, address: string) => void;
}

export interface FleetDeps {
  readonly config: Pick<Config, "maxConnectionsPerAccount" | "knownModelDays" | "goAwayTimeoutMs">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly store: KnownModelStore;
  readonly trust: Trust;
  /**
   * Told of each connection that broke off, before the streams that ran on it are.
   *
   * @param at on the coordinator's clock, ms
   * @param connected how many providers were connected just before
   */
  readonly connectionLost?: (provider: ProviderId, at: number, connected: number) => void;
}

/**
 * Connections become sessions, and sessions a fleet. Machines that answered before this start are waited for.
 *
 * @throws what the store throws
 */
export async function createFleet(deps: FleetDeps): Promise<Fleet> {
  const { config, clock, log, metrics, registry, store, trust } = deps;
  const limits = { ...DEFAULT_KNOWN_MODEL_LIMITS, keptMs: config.knownModelDays * 24 * 3_600_000 };
  const knownModels = await KnownModels.open({ store, registry, clock, log, limits });
  for (const provider of knownModels.expected()) registry.expect(provider);
  const contexts = new ProviderContexts(clock);
  const hooks: SessionHooks = {
    updated(session) {
      registry.updated(session);
    },
    closed(session, reason) {
      if (isLoss(reason)) deps.connectionLost?.(session.id, clock.now(), registry.size);
      if (reason === "untrusted") registry.distrust(session.id);
      contexts.forget(session);
      const expectedBack = !NOT_COMING_BACK.has(reason);
      // Who has another connection has not departed.
      if (registry.link(session.id) === session) knownModels.departed(session, expectedBack);
      registry.departed(session, expectedBack);
      metrics.providers.set(registry.size);
      metrics.connectionsClosed.inc({ reason });
      if (session.enrolmentId !== undefined) trust.enrolment.seen(session.enrolmentId);
      log.info({ provider: session.id, reason }, "provider gone");
    },
    unknownFrame: () => metrics.unknownFrames.inc(),
    overRate: (kind) => metrics.rateLimitedFrames.inc({ kind }),
    undigested(session, what, sizeBytes, thrown) {
      metrics.undigested.inc({ what });
      log.error(
        { provider: session.id, what, sizeBytes, fault: describeFault(thrown) },
        "undigested input of a provider",
      );
    },
    proved: trust.proved,
  };
  const distrusted = (id: ProviderId): boolean => registry.isDistrusted(id);
  const registered = (registration: Registration, address: string): void => {
    if (registry.othersOf(registration.holder.account, registration.provider) >= config.maxConnectionsPerAccount) {
      metrics.connectionsClosed.inc({ reason: "too_many_connections" });
      return refuse(registration.socket, "too_many_connections", clock);
    }
    const session = new ProviderSession(registration, {
      clock,
      log,
      hooks,
      distrusted,
      desk: trust.desk,
      newChallenge: trust.newChallenge,
      manifest: () => trust.manifest.current,
      goAwayTimeoutMs: config.goAwayTimeoutMs,
    });
    registry.add(session, address);
    if (session.enrolmentId !== undefined) trust.enrolment.seen(session.enrolmentId);
    metrics.providers.set(registry.size);
    log.info({ provider: session.id, name: session.name, models: [...session.models.keys()] }, "provider registered");
  };
  return { knownModels, contexts, registered };
}
