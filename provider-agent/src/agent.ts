import type { LogFile } from "@hearth/disk";
import { KeyRing } from "@hearth/e2e";
import { type Clock, type Rng, repeat, systemRng } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import { ConnectionProofs } from "./attest/connection-proofs.js";
import { type MachineIdentity, openIdentity } from "./attest/open-identity.js";
import { Prover } from "./attest/prover.js";
import { Receipts } from "./attest/receipts.js";
import type { Backend } from "./backends/backend.js";
import { createBackends } from "./backends/create-backends.js";
import { BenchStore } from "./bench/bench-store.js";
import { createMachine, type Machine } from "./compose/create-machine.js";
import { openStatusPage } from "./compose/open-status-page.js";
import { Speaker } from "./compose/speaker.js";
import { watchModels } from "./compose/watch-models.js";
import { SHIPPED_MODEL } from "./config/backend-config.js";
import type { AgentConfig } from "./config.js";
import type { Connection } from "./connection/connection.js";
import { Reconciler } from "./connection/reconciler.js";
import type { MachineFrame } from "./connection/session.js";
import { WebSocketConnection } from "./connection/web-socket-connection.js";
import { type AdmissionLimits, DEFAULT_ADMISSION } from "./jobs/admission.js";
import { Jobs, type JobsDeps } from "./jobs/jobs.js";
import { Backoff } from "./platform/backoff.js";
import { systemClock, systemWallTime } from "./platform/clock.js";
import { watchClockJumps } from "./platform/clock-jump.js";
import type { Logger } from "./platform/logger.js";
import { StatusBoard } from "./status/status-board.js";
import { AGENT_VERSION } from "./version.js";

export interface AgentDeps {
  readonly log: Logger;
  /** Where the log goes; absent = the status does not speak of it. */
  readonly logFile?: LogFile;
  readonly clock?: Clock;
  readonly rng?: Rng;
  /** The time of day, ms. */
  readonly wallTime?: () => number;
  /** Linux: the kind of the owner's desktop session (`XDG_SESSION_TYPE`). */
  readonly sessionType?: string | undefined;
  /** Told each time the coordinator has let the agent in. */
  readonly onRegistered?: (providerId: string) => void;
}

/** How often it is looked whether `bench` has measured something, ms. */
const MEASUREMENTS_MS = 60_000;

type Surroundings = Required<Pick<AgentDeps, "log" | "clock" | "rng" | "wallTime">> & AgentDeps;

/**
 * Runs an agent until the signal aborts: then what runs may end, and everything is given back.
 *
 * @throws AgentError when it cannot start or reconnecting cannot help
 */
export async function runAgent(config: AgentConfig, deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const all: Surroundings = { clock: systemClock, rng: systemRng, wallTime: systemWallTime, ...deps };
  using identity = await openIdentity(config, all.clock);
  using machine = await createMachine(config, all);
  let backend: Backend;
  try {
    backend = await createBackends(config.backends, { ...all, fallbackModelPath: SHIPPED_MODEL }, signal);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  try {
    await serve({ config, deps: all, backend, identity, machine }, signal);
  } finally {
    await backend.stop();
  }
}

interface Serving {
  readonly config: AgentConfig;
  readonly deps: Surroundings;
  readonly backend: Backend;
  readonly identity: MachineIdentity;
  readonly machine: Machine;
}

/** Wires the parts together and sees them to their end. */
async function serve(serving: Serving, signal: AbortSignal): Promise<void> {
  const { config, deps, backend, identity, machine } = serving;
  const { log, clock, rng, wallTime } = deps;
  using keys = new KeyRing();
  const prover = new Prover({ ...identity, agentVersion: AGENT_VERSION, wallTime });
  const proofs = new ConnectionProofs(prover, keys, log);
  const weightsHash = (model: string): string | undefined => speaker.toldWeightsHash(model);
  const receipts = new Receipts({ signer: identity.signer, wallTime, weightsHash });
  const serves = (model: string): boolean => advertiser.models.some(({ id }) => id === model);
  const needsStringTypes = (model: string): boolean =>
    advertiser.models.some(({ id, needs_string_types }) => id === model && needs_string_types === true);
  const available = (): boolean => machine.availability.current.type === "serving";
  const limits = admissionLimits(config);
  const told = { serves, available, needsStringTypes };
  const jobs = new Jobs({ backend, keys, clock, log, limits, receipts, ...told, ...answerEnd(config) });
  await using models = watchModels({ ...serving, jobs, changed: (what) => speaker.changed(what) });
  const { advertiser } = models;
  const { chip } = machine.facts;
  const measured = new BenchStore({ dataDir: config.dataDir, chip, agentVersion: AGENT_VERSION, wallTime });
  const connection = (): Connection | undefined => reconciler.connection;
  using speaker = new Speaker({ clock, config, advertiser, jobs, measured, machine, proofs, connection });
  using board = new StatusBoard({
    name: config.name,
    version: AGENT_VERSION,
    clock,
    wallTime,
    ...machine,
    jobs,
    advertiser,
    logFile: deps.logFile,
    standing: () => reconciler.standing(),
  });
  const reconciler = new Reconciler({
    coordinators: config.coordinators,
    dial: (url, events) => new WebSocketConnection(url, { clock, log, events }),
    clock,
    backoff: new Backoff(rng),
    log,
    jobs: jobs.serve,
    registerFrame: (url, connection) => speaker.register(url, connection),
    hasNewToken: (url) => speaker.hasNewToken(url),
    heartbeatFrame: () => speaker.heartbeat(),
    control: (frame, connection) => obey(frame, connection, { proofs, board, log }),
    lost: (code, problem) => board.lost(code, problem),
    onRegistered: (registered) => {
      speaker.catchUp(registered);
      board.registered(registered);
      const { provider_id: provider, trust_level: trust } = registered.frame;
      log.info({ provider, trust, models: advertiser.models.map(({ id }) => id) }, "registered");
      deps.onRegistered?.(provider);
    },
  });
  using _jumps = watchClockJumps({
    clock,
    wallTime,
    jumped: (missedMs) => reconciler.wake({ reason: "clock_jumped", missedMs }),
  });
  using _availability = machine.availability.watch((now) => {
    log.info({ ...now }, "availability changed");
    speaker.changed("slots");
  });
  using _rotation = repeat(clock, LIMITS.keyRotationMs, () => {
    keys.rotate();
    jobs.keysChanged();
    if (reconciler.connection !== undefined) proofs.announce(reconciler.connection);
  });
  await using _page = await openStatusPage(config, board, log);
  using _measurements = repeat(clock, MEASUREMENTS_MS, () => void measured.refresh());
  await Promise.all([advertiser.refresh(signal), measured.refresh()]);
  await models.watching(() => reconciler.run(signal));
}

/** Frames about the machine as a whole. */
function obey(
  frame: MachineFrame,
  connection: Connection,
  { proofs, board, log }: { readonly proofs: ConnectionProofs; readonly board: StatusBoard; readonly log: Logger },
): void {
  switch (frame.type) {
    case "challenge":
      return proofs.answer(frame.challenge, connection);
    case "heartbeat_ack":
      return board.heartbeatAnswered(frame);
    case "runtime_status": {
      const { verified, mismatches } = frame;
      board.runtimeChecked(mismatches);
      if (verified) log.info("the operator accepts what runs here");
      else log.warn({ mismatches }, "the operator does not accept what runs here: no requests come for it");
    }
  }
}

function answerEnd({ limits: { answerEndSeconds } }: AgentConfig): Pick<JobsDeps, "answerEndMs"> {
  return answerEndSeconds === undefined ? {} : { answerEndMs: answerEndSeconds * 1_000 };
}

function admissionLimits({ limits }: AgentConfig): AdmissionLimits {
  const { maxConcurrency, perModel, maxWaitSeconds } = limits;
  const bound = maxConcurrency === undefined ? {} : { maxConcurrency };
  return { ...DEFAULT_ADMISSION, ...bound, perModel, maxWaitMs: maxWaitSeconds * 1_000 };
}
