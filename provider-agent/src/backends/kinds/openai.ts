import type { BackendDialect, ModelAdvert } from "@hearth/protocol";
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
import type { ServedModel, ServerReader, ServerReading } from "../server-profile.js";

const words = z.array(z.string()).optional().catch(undefined);

/** What servers add to OpenAI's four members, each under names of its own. */
const entrySchema = z.object({
  id: modelId,
  owned_by: lenientText,
  /** vLLM's name for the context, SGLang's too; then LM Studio's and Mistral's, Groq's, and OpenRouter's. */
  max_model_len: lenientTokens,
  max_context_length: lenientTokens,
  context_window: lenientTokens,
  context_length: lenientTokens,
  /** What it is for: Together's name, LM Studio's and Lemonade's, and Infinity's, whose word is `embed`. */
  type: lenientText,
  /** Words, or flags as Mistral has them. */
  capabilities: z
    .union([z.array(z.string()), z.record(z.string(), z.unknown())])
    .optional()
    .catch(undefined),
  /** OpenRouter's form, and llama-server's. */
  architecture: z.object({ input_modalities: words, output_modalities: words }).optional().catch(undefined),
  /** OpenRouter's. */
  supported_parameters: words,
  /** llama.cpp's; the embedded engine adds the last four. */
  meta: z
    .object({
      n_ctx: lenientTokens,
      n_ctx_train: lenientTokens,
      size: lenientCount,
      ftype: lenientText,
      slots: lenientSlots,
      tools: lenientFlag,
      structured_output: lenientFlag,
      logprobs: lenientFlag,
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

type Entry = z.infer<typeof entrySchema>;

function readEntry(entry: unknown): ServedModel | undefined {
  const parsed = entrySchema.safeParse(entry).data;
  // It may stand before an Ollama: prompts stay on the owner's machine.
  if (parsed === undefined || isCloudName(parsed.id)) return undefined;
  const { id, meta, architecture } = parsed;
  const purpose = purposeOf(parsed);
  if (purpose === "other") return undefined;
  const sees = architecture?.input_modalities?.includes("image") ?? (isSaid(parsed, SEES) ? true : undefined);
  return {
    advert: {
      id,
      ...present({
        context_length: contextOf(parsed),
        weights_bytes: meta?.size,
        quantization: meta?.ftype,
        dialects: dialectsOf(parsed, purpose),
      }),
      capabilities:
        purpose === "embeddings"
          ? { embeddings: true, tools: false }
          : { ...present({ tools: meta?.tools, vision: sees }), ...answerAbilities(parsed) },
    },
    slot: { state: "idle", ...present({ maxConcurrency: meta?.slots }) },
  };
}

/** What a list does not name may be there all the same. */
function answerAbilities(entry: Entry): ModelAdvert["capabilities"] {
  const { meta, supported_parameters: parameters = [] } = entry;
  const named = (...names: readonly string[]) => (names.some((name) => parameters.includes(name)) ? true : undefined);
  return present({
    structured_output: meta?.structured_output ?? named("structured_outputs"),
    logprobs: meta?.logprobs ?? named("logprobs"),
    reasoning: isSaid(entry, THINKS) ? true : named("reasoning", "reasoning_effort"),
  });
}

function contextOf({ max_model_len, meta, max_context_length, context_window, context_length }: Entry) {
  return max_model_len ?? meta?.n_ctx ?? context_length ?? context_window ?? max_context_length ?? meta?.n_ctx_train;
}

function dialectsOf({ owned_by }: Entry, purpose: Purpose): BackendDialect[] | undefined {
  if (purpose === "embeddings") return ["embeddings"];
  return owned_by === "hearth" ? [...ENGINE_DIALECTS] : undefined;
}

type Purpose = "chat" | "embeddings" | "other";

const CHATS: ReadonlySet<string> = new Set(["chat", "completion", "completions", "completion_chat", "llm", "vlm"]);
const EMBEDS: ReadonlySet<string> = new Set(["embed", "embedding", "embeddings", "text-embedding"]);
const SEES: ReadonlySet<string> = new Set(["vision", "multimodal"]);
const THINKS: ReadonlySet<string> = new Set(["reasoning", "thinking"]);
/** Neither text nor embeddings come of these. */
const MAKES_OTHER: ReadonlySet<string> = new Set([
  ...["image", "image-generation", "image_generation", "video", "audio", "tts", "stt", "transcribe", "transcription"],
  ...["rerank", "reranking", "moderation", "classify"],
]);

/** Of a model of which nothing is said, that it chats. */
function purposeOf(entry: Entry): Purpose {
  if (isSaid(entry, CHATS)) return "chat";
  if (isSaid(entry, EMBEDS)) return "embeddings";
  const makes = entry.architecture?.output_modalities;
  if (makes?.includes("embeddings")) return "embeddings";
  const makesText = makes === undefined || makes.length === 0 || makes.includes("text");
  return makesText && !isSaid(entry, MAKES_OTHER) ? "chat" : "other";
}

function isSaid({ type, capabilities = [] }: Entry, words: ReadonlySet<string>): boolean {
  const said = Array.isArray(capabilities)
    ? capabilities
    : Object.entries(capabilities).flatMap(([word, flag]) => (flag === true ? [word] : []));
  return [...said, ...(type === undefined ? [] : [type])].some((word) => words.has(word.toLowerCase()));
}
