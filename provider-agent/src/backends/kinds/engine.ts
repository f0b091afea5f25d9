import { z } from "zod";
import type { Rendering } from "../backend.js";
import { isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerReader, ServerReading } from "../server-profile.js";
import { OpenAiReader } from "./openai.js";

const count = z.number().int().nonnegative();
const promptSchema = z.object({ prompt: z.string() });
const healthSchema = z.object({ slots_running: count, queued: count });

/** The embedded engine: its one model is told in llama.cpp's form, and `/health` counts what it works on. */
export class EngineReader implements ServerReader {
  readonly program: string = "hearth-engine";
  readonly listsAll: boolean = true;
  readonly #api: ServerApi;
  readonly #list: OpenAiReader;

  constructor(api: ServerApi) {
    this.#api = api;
    this.#list = new OpenAiReader(api);
  }

  forget(): void {
    // Nothing is remembered.
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const [reading, health] = await Promise.all([this.#list.read(signal), this.#api.get("health", signal)]);
    const work = isOk(health) ? healthSchema.safeParse(health.json).data : undefined;
    const models = reading.models.map((model) => this.#withRenderer(model));
    return { models: work === undefined ? models : models.map((model) => withWork(model, work)) };
  }

  #withRenderer(model: ServedModel): ServedModel {
    const { id } = model.advert;
    const ask = (conversation: object, signal: AbortSignal): Promise<Rendering | undefined> =>
      this.#rendering({ model: id, ...conversation }, signal);
    // It ships with the agent, and has one model while it runs.
    return { ...model, source: { renderer: { ask, stamp: `${this.program} ${id}` } } };
  }

  async #rendering(body: unknown, signal: AbortSignal): Promise<Rendering | undefined> {
    const answer = await this.#api.post("apply-template", body, signal);
    const prompt = isOk(answer) ? promptSchema.safeParse(answer.json).data?.prompt : undefined;
    if (prompt !== undefined) return { type: "rendered", prompt };
    return answer.status === 400 ? { type: "refused" } : undefined;
  }
}

function withWork(model: ServedModel, work: z.infer<typeof healthSchema>): ServedModel {
  const { slots_running: running, queued } = work;
  return { ...model, slot: { ...model.slot, state: running > 0 ? "running" : "idle", running, queued } };
}
