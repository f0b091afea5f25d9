import { z } from "zod";
import { isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerReader, ServerReading } from "../server-kind.js";
import { OpenAiReader } from "./openai.js";

const count = z.number().int().nonnegative();
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
    return work === undefined ? reading : { models: reading.models.map((model) => withWork(model, work)) };
  }
}

function withWork(model: ServedModel, work: z.infer<typeof healthSchema>): ServedModel {
  const { slots_running: running, queued } = work;
  return { ...model, slot: { ...model.slot, state: running > 0 ? "running" : "idle", running, queued } };
}
