import type { BackendDialect, ModelAdvert } from "@hearth/protocol";
import { z } from "zod";
import { AgentError } from "../../platform/agent-error.js";
import type { BackendRequest, Rendering, RenderQuestion } from "../backend.js";
import {
  fetchModelList,
  lenientCount,
  lenientFlag,
  lenientPath,
  lenientSlots,
  lenientText,
  lenientTokens,
  modelId,
  present,
  readEntries,
} from "../model-list.js";
import { readMetrics, total } from "../prometheus.js";
import { isOk, type ServerApi } from "../server-api.js";
import type { AskedRequest, ServedModel, ServerProfile, ServerReader, ServerReading } from "../server-profile.js";
import type { ServerSign } from "../sign-watch.js";
import { askForProgress } from "./ask-for-progress.js";
import { signsOfSlots } from "./llama-slots.js";
import { spokenDialects } from "./spoken-dialects.js";

/** Models of a router whose own state is asked for; each costs two calls a probe. */
const MAX_LOADED_READ = 8;

/**
 * Dialects that it has endpoints for and that lose something against a chat that the coordinator translates. Tried with
 * b11669. Responses: events have no `sequence_number`, `output_index` or `content_index`, and the first response has no
 * `output`, so that OpenAI's SDK cannot put a stream together; an answer that `max_output_tokens` cut is `completed`.
 * Messages: `output_config.format`, `tool_choice: {"type": "none"}` and every member that is not Anthropic's are ignored,
 * and the `stop_reason` of a stop sequence is `end_turn`.
 */
const BETTER_TRANSLATED: ReadonlySet<BackendDialect> = new Set(["responses", "messages"]);

const entrySchema = z.object({
  id: modelId,
  aliases: z.array(z.string()).optional().catch(undefined),
  meta: z
    .object({ n_ctx: lenientTokens, n_ctx_train: lenientTokens, size: lenientCount, ftype: lenientText })
    .optional()
    .catch(undefined),
  architecture: z
    .object({ input_modalities: z.array(z.string()) })
    .optional()
    .catch(undefined),
  /** Of a router only, as are the two below. */
  status: z.object({ value: z.string(), failed: lenientFlag }).optional().catch(undefined),
  context_length: lenientTokens,
  path: lenientPath,
});

const propsSchema = z.object({
  role: lenientText,
  build_info: lenientText,
  total_slots: lenientSlots,
  model_path: lenientPath,
  default_generation_settings: z.object({ n_ctx: lenientTokens }).optional().catch(undefined),
  /** The one in use: the model's own, or its owner's. Also tells whether there is a switch for thinking. */
  chat_template: z.string().optional().catch(undefined),
  modalities: z.object({ vision: lenientFlag }).optional().catch(undefined),
  chat_template_caps: z
    .object({
      supports_tools: lenientFlag,
      supports_preserve_reasoning: lenientFlag,
      supports_reasoning_effort: lenientFlag,
    })
    .optional()
    .catch(undefined),
  endpoint_slots: lenientFlag,
  endpoint_metrics: lenientFlag,
  is_sleeping: lenientFlag,
});

/** Its owner may have switched it off. Anything else that it holds, like prompts in old versions, is not looked at. */
const slotsSchema = z.array(z.object({ is_processing: z.boolean() }));

/** There is no such endpoint, or its owner has switched it off, or it wants another key. */
const NOT_FOR_US: ReadonlySet<number> = new Set([401, 403, 404, 405, 501]);

/**
 * What it says of a conversation that its template does not take, at `/apply-template` as to a chat: 400 or 500, as the
 * C++ error is one of the request or not (seen in b11669; also 500 for tools, and for a template of no known form, under
 * `--no-jinja`). A template that does not take the one word `test` keeps it from starting.
 */
const TEMPLATE_REFUSES: ReadonlySet<number> = new Set([400, 422, 500]);

const promptSchema = z.object({ prompt: z.string() });

type Entry = z.infer<typeof entrySchema>;
type Props = z.infer<typeof propsSchema>;
type SlotFacts = ServedModel["slot"];

/** Averages over what was done since they were last asked for; cached tokens are not among those of prompts. */
const PREFILL_RATE = "llamacpp:prompt_tokens_seconds";
const DECODE_RATE = "llamacpp:predicted_tokens_seconds";
/** Requests that wait for a slot. */
const DEFERRED = "llamacpp:requests_deferred";
const METRICS: ReadonlySet<string> = new Set([PREFILL_RATE, DECODE_RATE, DEFERRED]);

/**
 * llama.cpp's `llama-server`, with one model or as a router of several. Endpoints as of b11669, where they were tried;
 * the states of a router's models as its README has them. It listened on 8080 before its default became 9931.
 */
export const LLAMA_SERVER: ServerProfile<"llama-server"> = {
  name: "llama-server",
  ports: [8080, 9931],
  usualPort: 9_931,
  owner: "llamacpp",
  async identify(api, signal) {
    const answer = await api.get("props", signal);
    if (isOk(answer)) {
      const props = propsSchema.safeParse(answer.json).data;
      const isIt = props !== undefined && (props.role === "router" || props.total_slots !== undefined);
      return isIt ? present({ version: props.build_info }) : undefined;
    }
    if (!answer.server.startsWith("llama.cpp")) return undefined;
    return answer.status === 401 ? { needsKey: true } : {};
  },
  reader: (api) => new LlamaServerReader(api),
};

class LlamaServerReader implements ServerReader {
  readonly program = "llama-server";
  readonly listsAll = true;
  readonly #api: ServerApi;
  #spoken: { readonly version: string | undefined; readonly dialects: readonly BackendDialect[] } | undefined;
  #isRouter = false;
  /** There is no `/slots`, or not for us: that does not change while the server runs. */
  #hidesSlots = false;
  /** The last rates of each model that were no zero: the server averages what it did since it was last asked. */
  readonly #rates = new Map<string, Pick<SlotFacts, "decodeTps" | "prefillTps">>();

  constructor(api: ServerApi) {
    this.#api = api;
  }

  forget(): void {
    this.#spoken = undefined;
    this.#hidesSlots = false;
    this.#rates.clear();
  }

  /** It pings every 30 s (`--sse-ping-interval`), whatever it does. */
  ask({ dialect, body }: BackendRequest): AskedRequest {
    const asked = dialect === "chat_completions" || dialect === "completions" ? askForProgress(body) : undefined;
    return { body: asked ?? body, habits: { progressIsOurs: asked !== undefined, pingsByTimer: true } };
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const [list, props] = await Promise.all([fetchModelList(this.#api, signal), this.#props("", signal)]);
    const entries = readEntries(list, (entry) => {
      const parsed = entrySchema.safeParse(entry).data;
      return parsed && { advert: { id: parsed.id, capabilities: {} }, entry: parsed };
    });
    this.#isRouter = entries.some(({ entry }) => entry.status !== undefined);
    const dialects = await this.#dialects(props, signal);
    const loaded = entries.filter(({ entry }) => entry.status?.value === "loaded").slice(0, MAX_LOADED_READ);
    const models = await Promise.all(
      entries.map(({ entry }) => {
        if (entry.status === undefined) return this.#loaded({ entry, props, query: "", dialects }, signal);
        if (!loaded.some((each) => each.entry === entry)) return unloaded(entry, dialects);
        return this.#ofRouter(entry, dialects, signal);
      }),
    );
    const named = models.map((model, i) => ({ ...model, ...present({ aliases: entries[i]?.entry.aliases }) }));
    return { models: named, ...present({ version: props?.build_info }) };
  }

  async signs(models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    if (!this.#isRouter) return await this.#signsOf(undefined, signal);
    const all = models.slice(0, MAX_LOADED_READ).map((model) => this.#signsOf(model, signal));
    return (await Promise.all(all)).flat();
  }

  async #signsOf(model: string | undefined, signal: AbortSignal): Promise<readonly ServerSign[]> {
    if (this.#hidesSlots) return [];
    const answer = await this.#api.get(`slots${model === undefined ? "" : queryOf(model)}`, signal);
    // A router answers for a model that it has not loaded yet.
    if (!isOk(answer) && model === undefined) this.#hidesSlots = NOT_FOR_US.has(answer.status);
    return signsOfSlots(answer.json, model);
  }

  async #ofRouter(entry: Entry, dialects: readonly BackendDialect[], signal: AbortSignal): Promise<ServedModel> {
    const query = queryOf(entry.id);
    const props = await this.#props(query, signal);
    return props === undefined ? unloaded(entry, dialects) : this.#loaded({ entry, props, query, dialects }, signal);
  }

  async #loaded(
    {
      entry,
      props,
      query,
      dialects,
    }: { entry: Entry; props: Props | undefined; query: string; dialects: readonly BackendDialect[] },
    signal: AbortSignal,
  ): Promise<ServedModel> {
    const base = advertOf(entry, dialects, props);
    // Only the questions so far leave a sleeping server asleep.
    const isAsleep = props?.is_sleeping === true;
    const working = isAsleep || props?.endpoint_slots === false ? undefined : await this.#working(query, signal);
    const metrics = isAsleep || props?.endpoint_metrics !== true ? {} : await this.#metricsOf(entry.id, query, signal);
    const isWorking = working === "in_batch" || (working ?? 0) > 0;
    const state = isAsleep ? "idle_shutdown" : isWorking ? "running" : "idle";
    const running = working === "in_batch" ? undefined : working;
    const slot: SlotFacts = { state, ...present({ running, maxConcurrency: props?.total_slots }), ...metrics };
    const path = props?.model_path === "none" ? undefined : props?.model_path;
    // Any other question wakes a sleeping server.
    const canTell = props !== undefined && !isAsleep && dialects.includes("chat_completions");
    const ask: RenderQuestion = (conversation, signal) =>
      this.#rendering({ model: entry.id, ...conversation }, query, signal);
    const renderer = canTell ? { ask, stamp: rendererStamp(props) } : undefined;
    const source = present({ path, renderer });
    return { advert: base, slot, ...(Object.keys(source).length === 0 ? {} : { source }) };
  }

  async #rendering(body: unknown, query: string, signal: AbortSignal): Promise<Rendering | undefined> {
    const answer = await this.#api.post(`apply-template${query}`, body, signal);
    if (isOk(answer))
      return { type: "rendered", ...present({ prompt: promptSchema.safeParse(answer.json).data?.prompt }) };
    if (!TEMPLATE_REFUSES.has(answer.status)) return undefined;
    // A router refuses in the same way for a model that was unloaded in the meantime.
    const isStillThere = query === "" || (await this.#props(query, signal)) !== undefined;
    return isStillThere ? { type: "refused" } : undefined;
  }

  async #props(query: string, signal: AbortSignal): Promise<Props | undefined> {
    const answer = await this.#api.get(`props${query}`, signal);
    return isOk(answer) ? propsSchema.safeParse(answer.json).data : undefined;
  }

  /** The server looks at this question between two batches, and a batch of a long prompt takes its time. */
  async #working(query: string, signal: AbortSignal): Promise<number | "in_batch" | undefined> {
    const answer = await this.#api.getSoon(`slots${query}`, signal);
    if (answer === undefined) return "in_batch";
    return slotsSchema.safeParse(answer.json).data?.filter((slot) => slot.is_processing).length;
  }

  async #metricsOf(id: string, query: string, signal: AbortSignal): Promise<Partial<SlotFacts>> {
    const answer = await this.#api.getSoon(`metrics${query}`, signal);
    const metrics = readMetrics(answer !== undefined && isOk(answer) ? answer.text : "", METRICS);
    const rate = (name: string): number | undefined => total(metrics.get(name)) || undefined;
    const fresh = present({ decodeTps: rate(DECODE_RATE), prefillTps: rate(PREFILL_RATE) });
    const rates = { ...this.#rates.get(id), ...fresh };
    this.#rates.set(id, rates);
    return { ...rates, ...present({ queued: total(metrics.get(DEFERRED)) }) };
  }

  /** Asked once for each version: a question is a line in the server's log. */
  async #dialects(props: Props | undefined, signal: AbortSignal): Promise<readonly BackendDialect[]> {
    const version = props?.build_info;
    if (this.#spoken === undefined || this.#spoken.version !== version) {
      const dialects = await spokenDialects(this.#api, signal);
      if (dialects.length === 0) throw new AgentError("server_unusable", "no known endpoint");
      this.#spoken = { version, dialects: dialects.filter((dialect) => !BETTER_TRANSLATED.has(dialect)) };
    }
    return this.#spoken.dialects;
  }
}

/** Of the program, the model and the template that render. */
const rendererStamp = ({ build_info, model_path, chat_template }: Props): string =>
  JSON.stringify([build_info, model_path, chat_template]);

/** Of a router: a question must not load a model that was unloaded in the meantime. */
const queryOf = (model: string): string => `?model=${encodeURIComponent(model)}&autoload=false`;

function unloaded(entry: Entry, dialects: readonly BackendDialect[]): ServedModel {
  const slot: SlotFacts = { state: stateOf(entry.status) };
  return {
    advert: advertOf(entry, dialects),
    slot,
    ...(entry.path === undefined ? {} : { source: { path: entry.path } }),
  };
}

function stateOf(status: Entry["status"]): SlotFacts["state"] {
  if (status?.value === "loading" || status?.value === "downloading") return "reloading";
  return status?.failed === true ? "crashed" : "idle_shutdown";
}

/** What a slot really has comes before what the model was trained for. */
function advertOf(entry: Entry, dialects: readonly BackendDialect[], props?: Props): ServedModel["advert"] {
  const { meta, architecture } = entry;
  return {
    id: entry.id,
    ...present({
      context_length:
        props?.default_generation_settings?.n_ctx ?? meta?.n_ctx ?? entry.context_length ?? meta?.n_ctx_train,
      weights_bytes: meta?.size,
      quantization: meta?.ftype,
    }),
    dialects: [...dialects],
    capabilities: {
      ...(dialects.includes("chat_completions") ? chatAbilities(entry, props) : {}),
      ...present({ vision: props?.modalities?.vision ?? architecture?.input_modalities.includes("image") }),
      ...(dialects.includes("embeddings") ? { embeddings: true } : {}),
    },
  };
}

/**
 * Every version that tells modalities, or is a router, holds answers to JSON schemas and tells logprobs: both are older
 * (`tools/server/README.md`; tried with b11669). That a model does not think is said by nobody.
 */
function chatAbilities({ status }: Entry, props: Props | undefined): ModelAdvert["capabilities"] {
  const isRecent = status !== undefined || props?.modalities !== undefined;
  const caps = props?.chat_template_caps;
  const thinks =
    caps?.supports_preserve_reasoning === true ||
    caps?.supports_reasoning_effort === true ||
    props?.chat_template?.includes(THINKING_SWITCH) === true;
  return {
    ...present({ tools: caps?.supports_tools }),
    ...(isRecent ? { structured_output: true, logprobs: true } : {}),
    ...(thinks ? { reasoning: true } : {}),
  };
}

/** The variable by which templates of models that may think or not are told which. */
const THINKING_SWITCH = "enable_thinking";
