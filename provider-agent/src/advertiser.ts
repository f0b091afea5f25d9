import type { ModelAdvert, Slot } from "@hearth/protocol";
import type { Backend, BackendStatus } from "./backends/backend.js";
import { type Clock, sleep } from "./platform/clock.js";
import type { Logger } from "./platform/logger.js";

/** How often the backend is asked what it serves, ms; faster while it cannot be reached. */
const PROBE_MS = { reachable: 10_000, unreachable: 1_000 } as const;
/** A backend that does not answer a probe within this is not reachable, ms. */
const PROBE_TIMEOUT_MS = 5_000;

export interface AdvertiserDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Logger;
  /** Jobs of ours that run on a model now. */
  readonly running: (model: string) => number;
  readonly changed: (models: readonly ModelAdvert[]) => void;
}

/** Knows what the backend serves, by asking it again and again. */
export class Advertiser {
  readonly #deps: AdvertiserDeps;
  #models: readonly ModelAdvert[] = [];
  #status: BackendStatus = { reachable: false, models: [], maxConcurrency: undefined };

  constructor(deps: AdvertiserDeps) {
    this.#deps = deps;
  }

  /** What was last known to be served: a backend that went away keeps its models, with crashed slots. */
  get models(): readonly ModelAdvert[] {
    return this.#models;
  }

  slots(): Slot[] {
    const { reachable, maxConcurrency } = this.#status;
    return this.#models.map(({ id }) => {
      const running = this.#deps.running(id);
      const state = reachable ? (running > 0 ? "running" : "idle") : "crashed";
      const limit = maxConcurrency === undefined ? {} : { max_concurrency: Math.min(4096, maxConcurrency) };
      return { model: id, state, running, queued: 0, ...limit };
    });
  }

  /** Asks now. */
  async refresh(signal: AbortSignal): Promise<void> {
    const status = await this.#deps.backend.probe(AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]));
    if (status.reachable !== this.#status.reachable) {
      this.#deps.log.info({ backend: this.#deps.backend.name, reachable: status.reachable }, "backend probed");
    }
    this.#status = status;
    const models = status.reachable || this.#models.length === 0 ? status.models.slice(0, 256) : this.#models;
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
    this.#models = models;
    this.#deps.changed(models);
  }

  /** Asks until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.clock, this.#status.reachable ? PROBE_MS.reachable : PROBE_MS.unreachable, signal);
      if (!signal.aborted) await this.refresh(signal);
    }
  }
}
