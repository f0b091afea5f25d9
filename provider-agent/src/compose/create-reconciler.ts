import { Backoff, type Clock, type Rng } from "@hearth/platform";
import type { Advertiser } from "../advertise/advertiser.js";
import type { StatusPublisher } from "../advertise/status-publisher.js";
import type { ConnectionProofs } from "../attest/connection-proofs.js";
import type { AgentConfig } from "../config.js";
import type { Connection } from "../connection/connection.js";
import { Reconciler } from "../connection/reconciler.js";
import type { MachineFrame } from "../connection/session.js";
import { WebSocketConnection } from "../connection/web-socket-connection.js";
import type { Jobs } from "../jobs/jobs.js";
import type { Logger } from "../platform/logger.js";
import type { StatusBoard } from "../status/status-board.js";

export interface ReconcilerParts {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly jobs: Jobs;
  readonly advertiser: Advertiser;
  readonly publisher: StatusPublisher;
  readonly proofs: ConnectionProofs;
  readonly board: StatusBoard;
}

export interface RegistrationHooks {
  /** A coordinator has let the agent in. */
  registered(providerId: string): void;
}

/** The loop that keeps the agent connected, with what each frame about the machine as a whole goes to. */
export function createReconciler(parts: ReconcilerParts, hooks: RegistrationHooks): Reconciler {
  const { config, clock, rng, log, jobs, advertiser, publisher, board } = parts;
  const { goAwayMinutes } = config.limits;
  return new Reconciler({
    coordinators: config.coordinators,
    dial: (url, connectionHooks) => new WebSocketConnection(url, { clock, log, hooks: connectionHooks }),
    clock,
    backoff: new Backoff(rng),
    ...(goAwayMinutes === undefined ? {} : { goAwayTimeoutMs: goAwayMinutes * 60_000 }),
    log,
    hooks: {
      jobs: (outlet, jobHooks) => jobs.serve(outlet, jobHooks),
      registerFrame: (url, connection) => publisher.register(url, connection),
      hasNewToken: (url) => publisher.hasNewToken(url),
      heartbeatFrame: () => publisher.heartbeat(),
      control: (frame, connection) => takeFrame(frame, connection, parts),
      lost: (code, problem) => board.lost(code, problem),
      registered(registered) {
        publisher.catchUp(registered);
        board.registered(registered);
        const { provider_id: provider, trust_level: trust } = registered.frame;
        log.info({ provider, trust, models: advertiser.models.map(({ id }) => id) }, "registered");
        hooks.registered(provider);
      },
    },
  });
}

function warnOfIdleHour(reasons: readonly string[] | undefined, log: Logger): void {
  if (reasons !== undefined) log.warn({ reasons }, "for an hour no request was sent here, and some came by");
}

function takeFrame(frame: MachineFrame, connection: Connection, { proofs, board, log }: ReconcilerParts): void {
  switch (frame.type) {
    case "challenge":
      return proofs.answer(frame.challenge, connection);
    case "heartbeat_ack":
      return warnOfIdleHour(board.heartbeatAnswered(frame), log);
    case "runtime_status": {
      const { verified, mismatches } = frame;
      board.runtimeChecked(mismatches);
      if (verified) log.info("the operator accepts what runs here");
      else log.warn({ mismatches }, "the operator does not accept what runs here: no requests come for it");
    }
  }
}
