import type { ProviderId } from "@hearth/protocol";
import { refuse } from "../fleet/handshake.js";
import { ProviderSession, type SessionEnd, type SessionHooks } from "../fleet/provider-session.js";
import type { Registration } from "../fleet/registration.js";
import type { Registry } from "../fleet/registry.js";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import type { Trust } from "./create-trust.js";

/** Why a session ended that no request is to wait for. */
const NOT_COMING_BACK: ReadonlySet<SessionEnd> = new Set(["left", "unauthorized"]);

export interface Fleet {
  /** Every model that anybody has advertised since the start. */
  readonly knownModels: ReadonlySet<string>;
  readonly registered: (registration: Registration) => void;
}

export interface FleetDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly trust: Trust;
  /** Machines that one account may have connected. */
  readonly maxPerAccount: number;
}

/** Connections become sessions, and sessions a fleet. */
export function createFleet({ clock, log, metrics, registry, trust, maxPerAccount }: FleetDeps): Fleet {
  const knownModels = new Set<string>();
  const hooks: SessionHooks = {
    updated(session) {
      for (const model of session.models.keys()) remember(knownModels, model);
      registry.changed();
    },
    closed(session, reason) {
      if (reason === "untrusted") registry.distrust(session.id);
      registry.departed(session, !NOT_COMING_BACK.has(reason));
      metrics.providers.set(registry.size);
      metrics.connectionsClosed.inc({ reason });
      if (session.enrolmentId !== undefined) trust.enrolment.seen(session.enrolmentId);
      log.info({ provider: session.id, reason }, "provider gone");
    },
    unknownFrame: () => metrics.unknownFrames.inc(),
    proved: trust.proved,
    cancelConfirmed: (spent) => metrics.tokens.inc({ kind: "cancelled" }, spent?.completion_tokens ?? 0),
  };
  const distrusted = (id: ProviderId): boolean => registry.isDistrusted(id);
  const registered = (registration: Registration): void => {
    if (registry.othersOf(registration.holder.account, registration.provider) >= maxPerAccount) {
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
    });
    registry.add(session);
    if (session.enrolmentId !== undefined) trust.enrolment.seen(session.enrolmentId);
    hooks.updated(session);
    metrics.providers.set(registry.size);
    log.info({ provider: session.id, name: session.name, models: [...session.models.keys()] }, "provider registered");
  };
  return { knownModels, registered };
}

/** Models remembered at most. One that is served comes back with its provider's next word. */
const MAX_KNOWN_MODELS = 10_000;

function remember(models: Set<string>, model: string): void {
  if (models.has(model)) return;
  models.add(model);
  const oldest = models.values().next().value;
  if (models.size > MAX_KNOWN_MODELS && oldest !== undefined) models.delete(oldest);
}
