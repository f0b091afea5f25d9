import type { LogFile } from "@hearth/disk";
import { KeyRing } from "@hearth/e2e";
import { type Clock, type Rng, repeat, systemRng } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import { StatusPublisher } from "./advertise/status-publisher.js";
import { ConnectionProofs } from "./attest/connection-proofs.js";
import { type MachineIdentity, openIdentity } from "./attest/open-identity.js";
import { Prover } from "./attest/prover.js";
import { Receipts } from "./attest/receipts.js";
import type { Backend } from "./backends/backend.js";
import { createBackends } from "./backends/create-backends.js";
import { BenchStore } from "./bench/bench-store.js";
import { createElectricity } from "./compose/create-electricity.js";
import { createMachine, type Machine } from "./compose/create-machine.js";
import { createModels } from "./compose/create-models.js";
import { createReconciler } from "./compose/create-reconciler.js";
import { SHIPPED_MODEL } from "./config/backend-config.js";
import type { AgentConfig } from "./config.js";
import type { Reconciler } from "./connection/reconciler.js";
import { BusyFile } from "./energy/busy-file.js";
import { BusyTime } from "./energy/busy-time.js";
import { DEFAULT_ADMISSION } from "./jobs/admission.js";
import { Jobs, type JobsDeps } from "./jobs/jobs.js";
import { openStatusPage } from "./local/status-server.js";
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

/** Assembles the parts, runs them until the signal aborts, and disposes of them in the reverse order. */
async function serve(serving: Serving, signal: AbortSignal): Promise<void> {
  const { config, deps, backend, identity, machine } = serving;
  const { log, clock, rng, wallTime } = deps;
  using keys = new KeyRing();
  const prover = new Prover({ ...identity, agentVersion: AGENT_VERSION, wallTime });
  const proofs = new ConnectionProofs(prover, keys, log);
  const weightsHash = (model: string): string | undefined => publisher.publishedWeightsHash(model);
  const receipts = new Receipts({ signer: identity.signer, wallTime, weightsHash });
  using busyTime = new BusyTime({ clock, wallTime, store: new BusyFile(config.dataDir, config.name), log });
  using electricity = createElectricity({ config, clock, busyTime });
  const jobs = new Jobs({
    backend,
    keys,
    clock,
    log,
    receipts,
    ...jobLimits(config),
    hooks: {
      serves: (model) => advertiser.find(model) !== undefined,
      busy: (isBusy) => busyTime.turn(isBusy),
      available: () => machine.availability.current.type === "serving",
      needsStringTypes: (model) => advertiser.find(model)?.needs_string_types === true,
    },
  });
  const modelsHooks = { changed: (what: "models" | "slots"): void => publisher.changed(what) };
  await using models = createModels({ config, backend, jobs, clock, log, hooks: modelsHooks });
  const { advertiser } = models;
  const { chip } = machine.facts;
  const measured = new BenchStore({ dataDir: config.dataDir, chip, agentVersion: AGENT_VERSION, wallTime });
  using publisher = new StatusPublisher({
    clock,
    config,
    advertiser,
    jobs,
    measured,
    ...machine,
    proofs,
    hooks: { connection: () => reconciler.connection },
  });
  using board = new StatusBoard({
    name: config.name,
    version: AGENT_VERSION,
    clock,
    wallTime,
    ...machine,
    jobs,
    busyTime,
    electricity: () => electricity.status(),
    advertiser,
    logFile: deps.logFile,
    standing: () => reconciler.standing(),
  });
  const reconciler: Reconciler = createReconciler(
    { config, clock, rng, log, jobs, advertiser, publisher, proofs, board },
    { registered: (providerId) => deps.onRegistered?.(providerId) },
  );
  using _jumps = watchClockJumps(clock, wallTime, {
    jumped: (missedMs) => reconciler.wake({ reason: "clock_jumped", missedMs }),
  });
  using _availability = machine.availability.watch((now) => {
    log.info({ ...now }, "availability changed");
    publisher.changed("slots");
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

function jobLimits({ limits }: AgentConfig): Pick<JobsDeps, "limits" | "answerEndMs"> {
  const { maxConcurrency, perModel, maxWaitSeconds, answerEndSeconds } = limits;
  const bound = maxConcurrency === undefined ? {} : { maxConcurrency };
  return {
    limits: { ...DEFAULT_ADMISSION, ...bound, perModel, maxWaitMs: maxWaitSeconds * 1_000 },
    ...(answerEndSeconds === undefined ? {} : { answerEndMs: answerEndSeconds * 1_000 }),
  };
}
