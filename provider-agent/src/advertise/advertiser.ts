import { type Clock, deadline, sleep } from "@hearth/platform";
import { BACKEND_DIALECTS, type BackendDialect, type ModelAdvert, type Slot } from "@hearth/protocol";
import type { Backend, BackendSlot, BackendStatus, ModelSource } from "../backends/backend.js";
import type { Logger } from "../platform/logger.js";

/** How often the backend is asked what it serves, ms; more often while it cannot be reached. */
export const PROBE_MS = { reachable: 10_000, unreachable: 1_000 } as const;
/** A backend that does not answer a probe within this is not reachable, ms. */
export const PROBE_TIMEOUT_MS = 5_000;

/** Dialects whose answers jobs know the end and the token counts of. */
const RELAYED: readonly BackendDialect[] = BACKEND_DIALECTS;

const NOT_ASKED: BackendStatus = { type: "unreachable", problem: "not asked yet" };

export interface AdvertiserDeps {
  readonly backend: Backend;
  /** Dialects that jobs can relay; what a backend speaks besides is not advertised. Default: {@link RELAYED}. */
  readonly dialects?: readonly BackendDialect[];
  /** Believed to be served until the backend can be asked. */
  readonly expected: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: AdvertiserHooks;
}

export interface AdvertiserHooks {
  /** How many of our jobs run, on a model or in all. */
  running(model?: string): number;
  /** How many of our jobs wait for their turn, on a model. */
  queued?(model: string): number;
  /**
   * What is known so far from a model's files, and from what its backend made of a few conversations; when more is
   * known, call {@link Advertiser.reconsider}. What the backend says of a running model replaces what its files say;
   * tools that it was seen to refuse or to drop are never advertised.
   */
  inspect?(model: ModelAdvert, source: ModelSource | undefined): Partial<ModelAdvert>;
  /** The models, or their slots, have changed. */
  changed(what: "models" | "slots"): void;
}

/** How one model stood at the last probe. */
interface Standing {
  readonly slot: BackendSlot;
  /** Requests that others ran on it. */
  readonly foreign: number;
  /** Requests of ours that waited inside the backend: they count among those that run. */
  readonly deferred: number;
}

/** Knows what the backend serves, by asking it again and again. */
export class Advertiser {
  readonly #deps: AdvertiserDeps;
  /** As the backend tells them. */
  #told: readonly ModelAdvert[];
  #sources: ReadonlyMap<string, ModelSource> = new Map();
  /** With what their files add. */
  #models: readonly ModelAdvert[];
  #status: BackendStatus = NOT_ASKED;
  #standings: ReadonlyMap<string, Standing> = new Map();

  constructor(deps: AdvertiserDeps) {
    this.#deps = deps;
    this.#told = deps.expected.map((id) => ({ id, capabilities: {} }));
    this.#models = this.#told;
  }

  /** What was last known to be served: a backend that went away keeps its models, with crashed slots. */
  get models(): readonly ModelAdvert[] {
    return this.#models;
  }

  /** A model that was last known to be served. */
  find(id: string): ModelAdvert | undefined {
    return this.#models.find((model) => model.id === id);
  }

  /** How the backend stood at the last probe. */
  get status(): BackendStatus {
    return this.#status;
  }

  slots(): Slot[] {
    return this.#models.map(({ id }) => this.#slot(id));
  }

  /** Asks now. Never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { backend, clock } = this.#deps;
    using limit = deadline(clock, PROBE_TIMEOUT_MS, signal);
    const status = await backend.probe(limit.signal);
    if (signal.aborted) return;
    const before = this.#status;
    const states = this.#states();
    this.#status = status;
    if (status.type === "reachable") {
      this.#told = status.models;
      this.#sources = status.sources;
      this.#standings = new Map(status.slots.map((slot) => [slot.model, this.#standing(slot)]));
    }
    this.#logTurn(before);
    this.#logMissing(before);
    if (!this.reconsider() && this.#states() !== states) this.#deps.hooks.changed("slots");
  }

  /** Combines the models and their facts again, and reports a change. @returns whether there was one */
  reconsider(): boolean {
    const models = this.#told.map((model) => this.#withFacts(model));
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return false;
    this.#models = models;
    this.#deps.hooks.changed("models");
    return true;
  }

  /** Asks until the signal aborts. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.clock, PROBE_MS[this.#status.type], signal);
      if (!signal.aborted) await this.refresh(signal);
    }
  }

  #withFacts(told: ModelAdvert): ModelAdvert {
    const model = this.#relayable(told);
    const facts = this.#deps.hooks.inspect?.(model, this.#sources.get(model.id));
    if (facts === undefined) return model;
    const refused = facts.capabilities?.tools === false ? { tools: false } : {};
    return { ...facts, ...model, capabilities: { ...facts.capabilities, ...model.capabilities, ...refused } };
  }

  #relayable(model: ModelAdvert): ModelAdvert {
    const { dialects: relayed = RELAYED } = this.#deps;
    const dialects = model.dialects?.filter((dialect) => relayed.includes(dialect));
    return dialects === undefined ? model : { ...model, dialects };
  }

  #standing(slot: BackendSlot): Standing {
    const { running = 0, queued = 0 } = slot;
    const ours = this.#deps.hooks.running(slot.model);
    const deferred = slot.running === undefined ? 0 : Math.min(queued, Math.max(0, ours - running));
    return { slot, foreign: Math.max(0, running - ours), deferred };
  }

  #slot(id: string): Slot {
    const { hooks } = this.#deps;
    const standing = this.#standings.get(id);
    const slot = standing?.slot;
    const running = hooks.running(id) + (this.#status.type === "reachable" ? (standing?.foreign ?? 0) : 0);
    return {
      model: id,
      state: this.#state(slot, running),
      running,
      queued: (hooks.queued?.(id) ?? 0) + Math.round((slot?.queued ?? 0) - (standing?.deferred ?? 0)),
      ...(slot?.maxConcurrency === undefined ? {} : { max_concurrency: slot.maxConcurrency }),
      ...(slot?.budget === undefined ? {} : { budget_max: slot.budget.maxTokens, budget_used: slot.budget.usedTokens }),
      ...(slot?.decodeTps === undefined ? {} : { decode_tps: slot.decodeTps }),
      ...(slot?.prefillTps === undefined ? {} : { prefill_tps: slot.prefillTps }),
    };
  }

  #state(slot: BackendSlot | undefined, running: number): Slot["state"] {
    if (this.#status.type === "unreachable") return "crashed";
    switch (slot?.state) {
      case "crashed":
      case "reloading":
        return slot.state;
      case "idle_shutdown":
        // A request of ours has it loaded, which the next probe will see.
        return running > 0 ? "reloading" : "idle_shutdown";
      case "running":
      case "idle":
      case undefined:
        return running > 0 ? "running" : "idle";
    }
  }

  /** What a change of is worth a heartbeat of its own: whether models can serve, not whether they do. */
  #states(): string {
    const states = this.#told.map(({ id }) => {
      const state = this.#state(this.#standings.get(id)?.slot, 0);
      return `${id} ${state === "running" ? "idle" : state}`;
    });
    return `${this.#status.type}\n${states.join("\n")}`;
  }

  /** What the owner names is not advertised where it is not. */
  #logMissing(before: BackendStatus): void {
    const missing = missingOf(this.#status);
    if (missing.length === 0 || missing.join() === missingOf(before).join()) return;
    this.#deps.log.warn({ backend: this.#deps.backend.name, models: missing }, "models not there");
  }

  #logTurn(before: BackendStatus): void {
    const { backend, log } = this.#deps;
    const status = this.#status;
    const isFirst = before === NOT_ASKED;
    if (status.type === before.type && !isFirst) return;
    if (status.type === "reachable") log.info({ backend: backend.name }, "backend reachable");
    else log.warn({ backend: backend.name, problem: status.problem }, "backend unreachable");
  }
}

const missingOf = (status: BackendStatus): readonly string[] =>
  status.type === "reachable" ? (status.missing ?? []) : [];
