import { generateKeyPair } from "@hearth/e2e";
import { type HeartbeatFrame, type ModelAdvert, type RegisterFrame, SUPPORTED_VERSIONS } from "@hearth/protocol";
import { Advertiser } from "./advertiser.js";
import type { Backend } from "./backends/backend.js";
import { EmbeddedBackend } from "./backends/embedded-backend.js";
import { OpenAiBackend } from "./backends/openai-backend.js";
import type { AgentConfig } from "./config.js";
import type { Connection } from "./connection/connection.js";
import { Reconciler } from "./connection/reconciler.js";
import { WebSocketConnection } from "./connection/web-socket-connection.js";
import { readHardware, readVitals } from "./hardware.js";
import { loadIdentity } from "./identity.js";
import { JobTable } from "./jobs/job-table.js";
import { Backoff } from "./platform/backoff.js";
import { type Clock, systemClock } from "./platform/clock.js";
import type { Logger } from "./platform/logger.js";
import { type Rng, systemRng } from "./platform/rng.js";
import { AGENT_VERSION } from "./version.js";

export interface AgentDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  /** Told each time the coordinator has let the agent in. */
  readonly onRegistered?: (providerId: string) => void;
}

/** As many models fit the register frame with their slots, whatever their names; `models_update` tells the others. */
const MODELS_AT_REGISTRATION = 64;

/**
 * Runs an agent until the signal aborts: then what runs may end, and everything is given back.
 *
 * @throws AgentError when it cannot start or reconnecting cannot help
 */
export async function runAgent(config: AgentConfig, deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { clock = systemClock, rng = systemRng } = deps;
  const all = { ...deps, clock, rng };
  const identity = loadIdentity(config.dataDir, config.name);
  let backend: Backend;
  try {
    backend = await createBackend(config, all, signal);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  try {
    await serve({ config, deps: all, backend, identity }, signal);
  } finally {
    await backend.stop();
  }
}

interface Serving {
  readonly config: AgentConfig;
  readonly deps: Required<Pick<AgentDeps, "log" | "clock" | "rng">> & AgentDeps;
  readonly backend: Backend;
  readonly identity: string;
}

/** Wires the parts together and sees them to their end. */
async function serve({ config, deps, backend, identity }: Serving, signal: AbortSignal): Promise<void> {
  const { log, clock, rng } = deps;
  const keyPair = generateKeyPair();
  const jobs = new JobTable({ backend, keyPair, clock, log, idle: () => reconciler.wake({ reason: "jobs_ended" }) });
  const advertiser = new Advertiser({
    backend,
    expected: config.models,
    clock,
    log,
    running: (model) => (model === undefined ? jobs.size : jobs.running(model)),
    changed: (what) => {
      const { connection } = reconciler;
      if (what === "models") connection?.send({ type: "models_update", models: [...advertiser.models] });
      connection?.send(heartbeatFrame());
    },
  });
  let announced: readonly ModelAdvert[] = [];
  const registerFrame = (): RegisterFrame => {
    announced = advertiser.models.length > MODELS_AT_REGISTRATION ? [] : advertiser.models;
    return {
      type: "register",
      versions: { ...SUPPORTED_VERSIONS },
      token: config.token,
      agent: { name: config.name, version: AGENT_VERSION },
      identity,
      encryption_key: { key_id: keyPair.keyId, public_key: Buffer.from(keyPair.publicKey).toString("base64url") },
      hardware: readHardware(),
      models: advertiser.models.slice(0, MODELS_AT_REGISTRATION),
      slots: advertiser.slots().slice(0, MODELS_AT_REGISTRATION),
    };
  };
  const heartbeatFrame = (): HeartbeatFrame => ({ type: "heartbeat", slots: advertiser.slots(), ...readVitals() });
  const onRegistered = (providerId: string, connection: Connection): void => {
    const { models } = advertiser;
    // What changed while the registration was under way.
    if (models !== announced) connection.send({ type: "models_update", models: [...models] });
    log.info({ provider: providerId, models: models.map(({ id }) => id) }, "registered");
    deps.onRegistered?.(providerId);
  };
  const reconciler = new Reconciler({
    dial: (events) => new WebSocketConnection(config.coordinator, { clock, log, events }),
    clock,
    backoff: new Backoff(rng),
    log,
    jobs,
    registerFrame,
    heartbeatFrame,
    onRegistered,
  });
  const watching = new AbortController();
  await advertiser.refresh(signal);
  const watched = advertiser.watch(watching.signal);
  try {
    await reconciler.run(signal);
  } finally {
    watching.abort();
    await watched;
  }
}

function createBackend(config: AgentConfig, deps: Serving["deps"], signal: AbortSignal): Promise<Backend> {
  const { backend, backendKey: key, models, embeddings } = config;
  if (backend.type === "openai")
    return Promise.resolve(new OpenAiBackend({ baseUrl: backend.url, key, models, embeddings }));
  const { modelPath } = backend;
  return EmbeddedBackend.start({ ...deps, modelPath, modelId: models[0] ?? modelIdOf(modelPath) }, signal);
}

/** The file's name without folder and ending. */
function modelIdOf(path: string): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  return file.replace(/\.gguf$/i, "");
}
