import type { BackendDialect } from "@hearth/protocol";
import { z } from "zod";
import { isCloudName } from "../cloud-name.js";
import {
  fetchModelList,
  lenientCount,
  lenientFlag,
  lenientSlots,
  lenientText,
  lenientTokens,
  modelId,
  present,
  readEntries,
} from "../model-list.js";
import type { ServerApi } from "../server-api.js";
import type { ServedModel, ServerReader, ServerReading } from "../server-kind.js";

const entrySchema = z.object({
  id: modelId,
  owned_by: lenientText,
  max_model_len: lenientTokens,
  /** As llama.cpp has it; the embedded engine adds the last two. */
  meta: z
    .object({
      n_ctx: lenientTokens,
      n_ctx_train: lenientTokens,
      size: lenientCount,
      ftype: lenientText,
      slots: lenientSlots,
      tools: lenientFlag,
    })
    .optional()
    .catch(undefined),
});

/** What the embedded engine speaks. */
const ENGINE_DIALECTS: readonly BackendDialect[] = ["chat_completions", "completions"];

/** Any server with a list of models in OpenAI's form, taken at its word and no more. */
export class OpenAiReader implements ServerReader {
  /** Some list only what is loaded. */
  readonly listsAll: boolean = false;
  readonly #api: ServerApi;
  /** Whose models, and which, were listed first, and last. */
  #first: string | undefined;
  #last: string | undefined;

  constructor(api: ServerApi) {
    this.#api = api;
  }

  /** Another program may have taken the port while nobody asked, and its list may look like any other. */
  get isOutdated(): boolean {
    return this.#last !== this.#first;
  }

  forget(): void {
    this.#first = undefined;
    this.#last = undefined;
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const entries = await fetchModelList(this.#api, signal);
    const models = readEntries(entries, readEntry);
    this.#last = JSON.stringify(models.map(({ advert }) => advert.id));
    this.#first ??= this.#last;
    return { models };
  }
}

function readEntry(entry: unknown): ServedModel | undefined {
  const parsed = entrySchema.safeParse(entry).data;
  // It may stand before an Ollama: prompts stay on the owner's machine.
  if (parsed === undefined || isCloudName(parsed.id)) return undefined;
  const { id, owned_by, max_model_len, meta } = parsed;
  return {
    advert: {
      id,
      ...present({
        context_length: max_model_len ?? meta?.n_ctx ?? meta?.n_ctx_train,
        weights_bytes: meta?.size,
        quantization: meta?.ftype,
        dialects: owned_by === "hearth" ? [...ENGINE_DIALECTS] : undefined,
      }),
      capabilities: present({ tools: meta?.tools }),
    },
    slot: { state: "idle", ...present({ maxConcurrency: meta?.slots }) },
  };
}
