import type { Ambient } from "../ambient.js";
import { type GenerationTask, Generator } from "../model/generate.js";
import type { LanguageModel } from "../model/language-model.js";
import { type Slot, slotPreference } from "../model/slot.js";
import { type SlotLease, SlotPool } from "../model/slot-pool.js";
import { ApiError, cancelled } from "./api-error.js";
import type { AnswerIdentity } from "./chat-response.js";
import { TaskFactory } from "./generation-task.js";

/** Requests that may wait for a slot. */
const MAX_QUEUED = 64;

/** What the endpoints share: the model, its slots, and who waits for them. */
export class EngineService {
  readonly ambient: Ambient;
  readonly tasks: TaskFactory;
  readonly generator: Generator;
  readonly #model: LanguageModel;
  readonly #pool: SlotPool<Slot>;
  readonly #startedSeconds: number;

  constructor(model: LanguageModel, ambient: Ambient) {
    this.ambient = ambient;
    this.tasks = new TaskFactory(model, ambient);
    this.generator = new Generator(model, ambient);
    this.#model = model;
    const slots = model.sequences.map((sequence): Slot => ({ sequence, cacheKey: undefined }));
    this.#pool = new SlotPool(slots, MAX_QUEUED);
    this.#startedSeconds = ambient.epochSeconds();
  }

  /**
   * Waits for a slot.
   * @throws {ApiError} `queue_full`; `engine_stopping` if the signal comes first
   */
  async admit(task: GenerationTask, signal: AbortSignal): Promise<SlotLease<Slot>> {
    const admission = await this.#pool.acquire(slotPreference(task.cacheKey), signal);
    switch (admission.type) {
      case "admitted":
        return admission.lease;
      case "full":
        throw new ApiError("queue_full", "All slots are busy, and the queue is full.");
      case "cancelled":
        return cancelled();
    }
  }

  identity(prefix: string): AnswerIdentity {
    return { id: this.ambient.id(prefix), created: this.ambient.epochSeconds(), model: this.#model.id };
  }

  /** The body of GET /health. */
  health(): unknown {
    const { running, idle, queued } = this.#pool.counts;
    return { status: "ok", slots_running: running, slots_idle: idle, queued };
  }

  /** The body of GET /v1/models; `meta` is llama-server's custom, with fields of ours. */
  models(): unknown {
    const { id, facts } = this.#model;
    const model = { id, object: "model", created: this.#startedSeconds, owned_by: "hearth", meta: facts };
    return { object: "list", data: [model] };
  }
}
