import type { ModelAdvert, Slot } from "@hearth/protocol";
import type { Backend, BackendStatus } from "./backends/backend.js";
import { type Clock, deadline, sleep } from "./platform/clock.js";
import type { Logger } from "./platform/logger.js";

/** How often the backend is asked what it serves, ms; more often while it cannot be reached. */
export const PROBE_MS = { reachable: 10_000, unreachable: 1_000 } as const;
/** A backend that does not answer a probe within this is not reachable, ms. */
export const PROBE_TIMEOUT_MS = 5_000;

export interface AdvertiserDeps {
  readonly backend: Backend;
  /** Believed to be served until the backend can be asked. */
  readonly expected: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Jobs of ours that run, on a model or at all. */
  readonly running: (model?: string) => number;
  /** The models, or how they stand, are not what they were. */
  readonly changed: (what: "models" | "slots") => void;
}

/** Knows what the backend serves, by asking it again and again. */
export class Advertiser {
  readonly #deps: AdvertiserDeps;
  #models: readonly ModelAdvert[];
  #status: BackendStatus = { type: "unreachable", problem: "not asked yet" };
  /** Requests that others run on the backend, as of the last probe. */
  #foreign = 0;

  constructor(deps: AdvertiserDeps) {
    this.#deps = deps;
    this.#models = deps.expected.map((id) => ({ id, capabilities: {} }));
  }

  /** What was last known to be served: a backend that went away keeps its models, with crashed slots. */
  get models(): readonly ModelAdvert[] {
    return this.#models;
  }

  slots(): Slot[] {
    const status = this.#status;
    const limit =
      status.type === "reachable" && status.maxConcurrency !== undefined
        ? { max_concurrency: status.maxConcurrency }
        : {};
    return this.#models.map(({ id }) => {
      const running = this.#deps.running(id) + this.#foreign;
      const state = status.type === "unreachable" ? "crashed" : running > 0 ? "running" : "idle";
      return { model: id, state, running, queued: 0, ...limit };
    });
  }

  /** Asks now. Never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { backend, clock, running } = this.#deps;
    using limit = deadline(clock, PROBE_TIMEOUT_MS, signal);
    const status = await backend.probe(limit.signal);
    if (signal.aborted) return;
    const before = this.#status;
    this.#status = status;
    // A server of several models does not tell which of them its other clients use.
    const { models, busy = 0 } = status.type === "reachable" ? status : { models: this.#models };
    this.#foreign = models.length === 1 ? Math.max(0, busy - running()) : 0;
    this.#report(before, models);
  }

  /** Asks until the signal aborts. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.clock, PROBE_MS[this.#status.type], signal);
      if (!signal.aborted) await this.refresh(signal);
    }
  }

  #report(before: BackendStatus, models: readonly ModelAdvert[]): void {
    const { backend, log, changed } = this.#deps;
    const status = this.#status;
    if (status.type !== before.type) {
      if (status.type === "reachable") log.info({ backend: backend.name }, "backend reachable");
      else log.warn({ backend: backend.name, problem: status.problem }, "backend unreachable");
    }
    const modelsChanged = JSON.stringify(models) !== JSON.stringify(this.#models);
    this.#models = models;
    if (modelsChanged) changed("models");
    else if (status.type !== before.type) changed("slots");
  }
}
