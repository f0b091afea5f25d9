import type { Clock } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Config } from "../config.js";
import type { Enrolment } from "../enrolment/enrolment.js";
import { refuse } from "../fleet/handshake.js";
import type { KnownModels } from "../fleet/known-models.js";
import type { MachineNotes } from "../fleet/machine-notes.js";
import type { MachinePauses } from "../fleet/machine-pauses.js";
import { ProviderSession, type SessionDeps, type SessionHooks } from "../fleet/provider-session.js";
import type { Registration } from "../fleet/registration.js";
import type { Registry } from "../fleet/registry.js";
import { isLoss, type SessionEnd } from "../fleet/session-end.js";
import { sessionRounds } from "../fleet/session-rounds.js";
import type { ProviderContexts } from "../sealing/provider-contexts.js";

/** Why a session ended that no request is to wait for. */
const NOT_COMING_BACK: ReadonlySet<SessionEnd> = new Set(["left", "unauthorized"]);

export interface FleetHooks extends Omit<SessionHooks, "updated" | "closed"> {
  /** A machine is here. */
  registered(session: ProviderSession): void;
  /** Its account has too many connections. */
  refused(): void;
  /**
   * A connection broke off; told before the streams that ran on it are.
   *
   * @param at on the coordinator's clock, ms
   * @param connected how many providers were connected just before
   */
  connectionLost(provider: ProviderId, at: number, connected: number): void;
  /** A session has ended, and everybody knows. */
  gone(session: ProviderSession, reason: SessionEnd): void;
}

export interface FleetDeps
  extends Pick<
    SessionDeps,
    "verifier" | "newChallenge" | "rules" | "log" | "earnings" | "standing" | "drained" | "paused" | "eligibility"
  > {
  readonly config: Pick<Config, "maxConnectionsPerAccount" | "goAwayTimeoutMs">;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly contexts: Pick<ProviderContexts, "forget">;
  readonly knownModels: Pick<KnownModels, "departed">;
  /** Told when an enrolled machine comes and goes. */
  readonly enrolment: Pick<Enrolment, "seen">;
  readonly hooks: FleetHooks;
}

/** Makes a connection that has registered a session of the fleet; `undefined` = it is refused. */
export type AddProvider = (registration: Registration, address?: string) => ProviderSession | undefined;

/** Which machines get nothing new, because the operator or their owners want that. */
export function setAside({
  machineNotes,
  machinePauses,
}: {
  readonly machineNotes: Pick<MachineNotes, "of">;
  readonly machinePauses: Pick<MachinePauses, "of">;
}): Pick<FleetDeps, "drained" | "paused"> {
  return { drained: (id) => machineNotes.of(id).drained, paused: (machine) => machinePauses.of(machine) };
}

/** Connections become sessions, and sessions a fleet. */
export function createFleet(deps: FleetDeps): AddProvider {
  const { config, clock, log, registry, contexts, knownModels, enrolment, hooks } = deps;
  const sessionHooks: SessionHooks = {
    updated: (session) => registry.updated(session),
    closed(session, reason) {
      if (isLoss(reason)) hooks.connectionLost(session.id, clock.now(), registry.size);
      if (reason === "untrusted") registry.distrust(session.id);
      contexts.forget(session);
      const expectedBack = !NOT_COMING_BACK.has(reason);
      // Who has another connection has not departed.
      if (registry.link(session.id) === session) knownModels.departed(session, expectedBack);
      registry.departed(session, expectedBack);
      if (session.enrolmentId !== undefined) enrolment.seen(session.enrolmentId);
      hooks.gone(session, reason);
    },
    unknownFrame: (type) => hooks.unknownFrame(type),
    overRate: (kind) => hooks.overRate(kind),
    undigested: (...thrown) => hooks.undigested(...thrown),
    proved: (kind, outcome) => hooks.proved(kind, outcome),
  };
  const { verifier, newChallenge, rules, earnings, standing, drained, paused, eligibility } = deps;
  const { goAwayTimeoutMs } = config;
  const rounds = sessionRounds(clock);
  const distrusted = (id: ProviderId): boolean => registry.isDistrusted(id);
  // One for all of them: thousands of sessions hold it.
  const sessionDeps: SessionDeps = {
    ...{ clock, log, verifier, newChallenge, rules, earnings, standing, drained, paused, eligibility },
    ...{ hooks: sessionHooks, rounds, distrusted, goAwayTimeoutMs },
    worked: (id, work) => registry.worked(id, work),
  };
  return (registration, address) => {
    const { holder, provider, socket } = registration;
    if (registry.othersOf(holder.account, provider) >= config.maxConnectionsPerAccount) {
      hooks.refused();
      refuse(socket, "too_many_connections", clock);
      return undefined;
    }
    const session = new ProviderSession(registration, sessionDeps);
    registry.add(session, address);
    if (session.enrolmentId !== undefined) enrolment.seen(session.enrolmentId);
    hooks.registered(session);
    return session;
  };
}
