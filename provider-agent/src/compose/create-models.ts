import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { Advertiser } from "../advertise/advertiser.js";
import type { Backend } from "../backends/backend.js";
import type { AgentConfig } from "../config.js";
import type { Jobs } from "../jobs/jobs.js";
import { ModelInspector } from "../models/model-inspector.js";
import { WeightsHasher } from "../models/weights-hash.js";
import type { Logger } from "../platform/logger.js";

export interface ModelsDeps {
  readonly config: AgentConfig;
  readonly backend: Backend;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: ModelsHooks;
}

export interface ModelsHooks {
  /** The models, or their slots, have changed. */
  changed(what: "models" | "slots"): void;
}

/** The models that are served, with the facts that their files hold. */
export interface Models extends AsyncDisposable {
  readonly advertiser: Advertiser;
  /** Probes the backend regularly while the work lasts. */
  watching<T>(work: () => Promise<T>): Promise<T>;
}

export function createModels({ config, backend, jobs, clock, log, hooks }: ModelsDeps): Models {
  const hasher = new WeightsHasher({ cachePath: join(config.dataDir, "weights.json"), clock, pace: "gentle" });
  const inspector = new ModelInspector({
    hasher,
    clock,
    log,
    hooks: { learned: () => void advertiser.reconsider() },
  });
  const advertiser: Advertiser = new Advertiser({
    backend,
    dialects: ["chat_completions", "completions", "embeddings", ...config.nativeDialects],
    expected: config.models,
    clock,
    log,
    hooks: {
      running: (model) => (model === undefined ? jobs.size - jobs.waiting() : jobs.running(model)),
      queued: (model) => jobs.waiting(model),
      inspect(model, source) {
        const { vision } = model.capabilities;
        const { supports: _supports, ...facts } = inspector.factsOf(model.id, {
          ...source,
          ...(vision === undefined ? {} : { vision }),
        });
        return facts;
      },
      changed(what) {
        // Hashing the weights of a model that is gone would only slow the machine down.
        if (what === "models") inspector.retain(new Set(advertiser.models.map(({ id }) => id)));
        hooks.changed(what);
      },
    },
  });
  return {
    advertiser,
    async watching(work) {
      const ending = new AbortController();
      const watched = advertiser.watch(ending.signal);
      try {
        return await work();
      } finally {
        ending.abort();
        await watched;
      }
    },
    [Symbol.asyncDispose]: () => inspector.stop(),
  };
}
