import { generateKeyPair } from "@hearth/e2e";
import { type RegisterFrame, SUPPORTED_VERSIONS } from "@hearth/protocol";
import { Advertiser } from "./advertiser.js";
import type { Backend } from "./backends/backend.js";
import { EmbeddedBackend } from "./backends/embedded-backend.js";
import { OpenAiBackend } from "./backends/openai-backend.js";
import type { AgentConfig } from "./config.js";
import type { Connection } from "./connection/connection.js";
import { Reconciler } from "./connection/reconciler.js";
import { readHardware, readVitals } from "./hardware.js";
import { loadIdentity } from "./identity.js";
import { JobTable } from "./jobs/job-table.js";
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

/**
 * Runs an agent until the signal aborts: then what runs may end, and everything is given back.
 *
 * @throws AgentError when it cannot start or reconnecting cannot help
 */
export async function runAgent(config: AgentConfig, deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { log, clock = systemClock, rng = systemRng } = deps;
  const identity = loadIdentity(config.dataDir, config.name);
  const keyPair = generateKeyPair();
  const backend = await createBackend(config, clock, log);
  const watching = new AbortController();
  const jobs = new JobTable({ backend, keyPair, clock, log });
  const advertiser = new Advertiser({
    backend,
    clock,
    log,
    running: (model) => jobs.running(model),
    changed: (models) => reconciler.connection?.send({ type: "models_update", models: [...models] }),
  });
  const registerFrame = (): RegisterFrame => ({
    type: "register",
    versions: { ...SUPPORTED_VERSIONS },
    token: config.token,
    agent: { name: config.name, version: AGENT_VERSION },
    identity,
    encryption_key: {
      key_id: keyPair.keyId,
      public_key: Buffer.from(keyPair.publicKey).toString("base64url"),
    },
    hardware: readHardware(),
    models: [...advertiser.models],
    slots: advertiser.slots(),
  });
  const heartbeat = (connection: Connection): void =>
    connection.send({ type: "heartbeat", slots: advertiser.slots(), ...readVitals() });
  const onRegistered = (providerId: string): void => {
    log.info({ provider: providerId, models: advertiser.models.map((model) => model.id) }, "registered");
    deps.onRegistered?.(providerId);
  };
  const { coordinator: url } = config;
  const reconciler = new Reconciler({ url, clock, rng, log, jobs, registerFrame, heartbeat, onRegistered });
  try {
    await advertiser.refresh(watching.signal);
    const watched = advertiser.watch(watching.signal);
    await reconciler.run(signal);
    watching.abort();
    await watched;
  } finally {
    watching.abort();
    await backend.stop();
  }
}

function createBackend(config: AgentConfig, clock: Clock, log: Logger): Promise<Backend> {
  const { backend, backendKey: key, models } = config;
  if (backend.type === "openai") return Promise.resolve(new OpenAiBackend({ baseUrl: backend.url, key, models }));
  const { modelPath } = backend;
  return EmbeddedBackend.start({ modelPath, modelId: models[0] ?? modelIdOf(modelPath), clock, log });
}

/** The file's name without folder and ending. */
function modelIdOf(path: string): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  return file.replace(/\.gguf$/i, "");
}
