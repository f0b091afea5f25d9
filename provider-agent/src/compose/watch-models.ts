import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { Advertiser } from "../advertiser.js";
import type { Backend } from "../backends/backend.js";
import type { AgentConfig } from "../config.js";
import type { Jobs } from "../jobs/jobs.js";
import { ModelInspector } from "../models/model-inspector.js";
import { WeightsHasher } from "../models/weights-hash.js";
import type { Logger } from "../platform/logger.js";

export interface WatchedModelsDeps {
  readonly config: AgentConfig;
  readonly backend: Backend;
  readonly jobs: Jobs;
  readonly deps: { readonly clock: Clock; readonly log: Logger };
  readonly changed: (what: "models" | "slots") => void;
}

/** What is served, with what its files tell. */
export interface WatchedModels extends AsyncDisposable {
  readonly advertiser: Advertiser;
  /** Asks the backend again and again while the work lasts. */
  watching<T>(work: () => Promise<T>): Promise<T>;
}

export function watchModels({ config, backend, jobs, deps, changed }: WatchedModelsDeps): WatchedModels {
  const { clock, log } = deps;
  const hasher = new WeightsHasher({ cachePath: join(config.dataDir, "weights.json"), clock, pace: "gentle" });
  const inspector = new ModelInspector({ hasher, clock, log });
  const advertiser: Advertiser = new Advertiser({
    backend,
    dialects: ["chat_completions", "completions", "embeddings", ...config.nativeDialects],
    expected: config.models,
    clock,
    log,
    running: (model) => (model === undefined ? jobs.size - jobs.waiting() : jobs.running(model)),
    queued: (model) => jobs.waiting(model),
    inspect: (model, source) => {
      const { supports: _supports, ...facts } = inspector.factsOf(model.id, {
        ...source,
        ...(model.capabilities.vision === undefined ? {} : { vision: model.capabilities.vision }),
      });
      return facts;
    },
    changed(what) {
      // Reading the weights of what is gone would only disturb the owner.
      if (what === "models") inspector.retain(new Set(advertiser.models.map(({ id }) => id)));
      changed(what);
    },
  });
  inspector.onFacts(() => void advertiser.reconsider());
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
