import { isAbsolute } from "node:path";
import { z } from "zod";
import type { ModelSource, Rendering, RenderQuestion } from "../backend.js";
import {
  fetchModelList,
  lenientPath,
  lenientText,
  lenientTokens,
  modelId,
  present,
  readEntries,
} from "../model-list.js";
import { type MetricSample, readMetrics, total } from "../prometheus.js";
import { isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerProfile, ServerReader, ServerReading } from "../server-profile.js";
import type { ServerSign } from "../sign-watch.js";
import { isAtLeast } from "./version-order.js";
import { UNKNOWN, type VllmFacts, VllmQuestions } from "./vllm-questions.js";

const entrySchema = z.object({
  id: modelId,
  /** Null for an adapter, which has that of its model. */
  max_model_len: lenientTokens,
  root: lenientPath,
  /** Of an adapter: the model that it changes. */
  parent: lenientText,
});
const ownedSchema = z.object({ owned_by: z.literal("vllm") });
const versionSchema = z.object({ version: z.string().max(128) });
const tokensSchema = z.object({ count: z.number() });
const openApiSchema = z.object({ paths: z.record(z.string(), z.unknown()) });

const RUNNING = "vllm:num_requests_running";
const WAITING = "vllm:num_requests_waiting";
/** A fraction, whatever the names say; the second is that of older versions. */
const CACHE_USE = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"] as const;
/** Its labels tell the size of the cache. */
const CACHE_CONFIG = "vllm:cache_config_info";
const DECODED = "vllm:inter_token_latency_seconds";
const PROMPT_TOKENS = "vllm:prompt_tokens_total";
const GENERATION_TOKENS = "vllm:generation_tokens_total";
/** Tokens of prompts that were really read: cached ones are left out. Newer versions have it. */
const COMPUTED_TOKENS = "vllm:request_prefill_kv_computed_tokens_sum";
/** Tokens of prompts that were in the cache. */
const CACHE_HITS = "vllm:prefix_cache_hits_total";
/** Of Prometheus's client, where there is one process. */
const STARTED = "process_start_time_seconds";
const PREFILL_SECONDS = "vllm:request_prefill_time_seconds_sum";
const NAMES: ReadonlySet<string> = new Set([
  RUNNING,
  WAITING,
  ...CACHE_USE,
  CACHE_CONFIG,
  `${DECODED}_sum`,
  `${DECODED}_count`,
  PROMPT_TOKENS,
  COMPUTED_TOKENS,
  CACHE_HITS,
  PREFILL_SECONDS,
  STARTED,
]);

/** Counters of all requests together, ours and others'. */
const SIGNS = [
  ["prefilling", PROMPT_TOKENS],
  ["generating", GENERATION_TOKENS],
] as const;
const SIGN_NAMES: ReadonlySet<string> = new Set(SIGNS.map(([, name]) => name));

/** A refusal of something else than a conversation: of a model without a template, of the form of the question. */
const NOT_THE_TEMPLATE =
  /chat.template is (?:no longer allowed|not set)|must provide a chat.template|field required|validation error|does not exist/i;

type Entry = z.infer<typeof entrySchema>;
type Metrics = ReadonlyMap<string, readonly MetricSample[]>;
type SlotFacts = ServedModel["slot"];

/** Counters that only grow while the server runs. */
interface Work {
  readonly decodeSeconds: number;
  readonly decoded: number;
  readonly prefillSeconds: number;
  /** Without what was cached. */
  readonly prompt: number;
}

/**
 * vLLM. Models as in `vllm/entrypoints/openai/models/serving.py`, metrics as its `/metrics` prints them in 2026. It
 * serves one model under one or more names, and adapters of it.
 */
export const VLLM: ServerProfile<"vllm"> = {
  name: "vllm",
  ports: [8_000],
  usualPort: 8_000,
  owner: "vllm",
  async identify(api, signal) {
    const answer = await api.get("version", signal);
    const version = isOk(answer) ? versionSchema.safeParse(answer.json).data?.version : undefined;
    if (version === undefined) return undefined;
    // Many servers have a `/version`. The list is behind the key, where there is one.
    const list = await api.get("v1/models", signal);
    if (list.status === 401) return { version, needsKey: true };
    const entries = isOk(list) ? readEntries(listOf(list.json), toOwned) : [];
    return entries.length > 0 ? { version } : undefined;
  },
  reader: (api) => new VllmReader(api),
};

class VllmReader implements ServerReader {
  readonly program = "vllm";
  readonly listsAll = true;
  readonly #api: ServerApi;
  #paths: ReadonlySet<string> | undefined;
  #version: string | undefined;
  #questions: VllmQuestions;
  readonly #work = new Map<string, Work>();
  readonly #rates = new Map<string, Pick<SlotFacts, "decodeTps" | "prefillTps">>();

  constructor(api: ServerApi) {
    this.#api = api;
    this.#questions = new VllmQuestions(api);
  }

  forget(): void {
    this.#paths = undefined;
    this.#version = undefined;
    this.#questions = new VllmQuestions(this.#api);
    this.#work.clear();
    this.#rates.clear();
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const [list, answer] = await Promise.all([fetchModelList(this.#api, signal), this.#api.get("metrics", signal)]);
    this.#paths ??= await this.#readPaths(signal);
    this.#version ??= versionSchema.safeParse((await this.#api.get("version", signal)).json).data?.version;
    const metrics = readMetrics(isOk(answer) ? answer.text : "", NAMES);
    const entries = list.flatMap((entry) => entrySchema.safeParse(entry).data ?? []);
    const base = entries.find(({ parent }) => parent === undefined);
    const facts = base && (await this.#questions.ask(base.id, this.#paths, signal));
    // What only ranks or transcribes is of no use here.
    const isUseful = facts === undefined || facts.dialects.length > 0;
    const known = withAnswers(facts ?? UNKNOWN, this.#version);
    const models = readEntries(isUseful ? entries : [], (entry) => {
      const parsed = entry as Entry;
      const source = this.#sourceOf(parsed, known, total(metrics.get(STARTED)));
      return { ...modelOf(parsed, base, known), ...source, slot: this.#slot(parsed.id, metrics) };
    });
    return { models, ...present({ version: this.#version }) };
  }

  /** @param startedS when the server was started, seconds */
  #sourceOf(
    { id, root, parent }: Entry,
    { dialects }: VllmFacts,
    startedS: number | undefined,
  ): { readonly source?: ModelSource } {
    const path = root !== undefined && isAbsolute(root) ? root : undefined;
    const canTell = dialects.includes("chat_completions") && this.#mayHave("/tokenize");
    const ask: RenderQuestion = (conversation, signal) => this.#rendering({ model: id, ...conversation }, signal);
    const stamp = JSON.stringify([this.#version, startedS, root, parent]);
    const source = present({ path, renderer: canTell ? { ask, stamp } : undefined });
    return Object.keys(source).length === 0 ? {} : { source };
  }

  #mayHave(path: string): boolean {
    return this.#paths === undefined || this.#paths.size === 0 || this.#paths.has(path);
  }

  /**
   * Lays out the conversation as it would that of a chat, with tools since 0.9. Older versions take them and leave them
   * out, and those before 0.5.3 take no conversations. A template's error is a 400; older versions have a 500, which may
   * be anything (seen in `serving_tokenization.py` and `protocol.py` from 2024 on).
   */
  async #rendering(body: unknown, signal: AbortSignal): Promise<Rendering | undefined> {
    const answer = await this.#api.post("tokenize", body, signal);
    const count = isOk(answer) ? tokensSchema.safeParse(answer.json).data?.count : undefined;
    if (count !== undefined) return { type: "rendered", tokens: count };
    return answer.status === 400 && !NOT_THE_TEMPLATE.test(answer.text) ? { type: "refused" } : undefined;
  }

  async signs(_models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    const metrics = readMetrics((await this.#api.get("metrics", signal)).text, SIGN_NAMES);
    return SIGNS.flatMap(([sign, name]): ServerSign[] => {
      const counter = total(metrics.get(name));
      return counter === undefined ? [] : [{ key: name, sign, counter, of: { type: "server" } }];
    });
  }

  /** None where its documentation is switched off. */
  async #readPaths(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { json } = await this.#api.get("openapi.json", signal);
    return new Set(Object.keys(openApiSchema.safeParse(json).data?.paths ?? {}));
  }

  #slot(model: string, metrics: Metrics): SlotFacts {
    const of = (name: string): number | undefined => total(metrics.get(name), { name: "model_name", value: model });
    const running = of(RUNNING);
    const budget = budgetOf(metrics, of(CACHE_USE[0]) ?? of(CACHE_USE[1]));
    return {
      state: (running ?? 0) > 0 ? "running" : "idle",
      ...present({ running, queued: of(WAITING), budget }),
      ...this.#ratesOf(model, of),
    };
  }

  /** The rates of what was done since the last time, or the last that were seen. */
  #ratesOf(model: string, of: (name: string) => number | undefined): Pick<SlotFacts, "decodeTps" | "prefillTps"> {
    const now: Work = {
      decodeSeconds: of(`${DECODED}_sum`) ?? 0,
      decoded: of(`${DECODED}_count`) ?? 0,
      prefillSeconds: of(PREFILL_SECONDS) ?? 0,
      prompt: of(COMPUTED_TOKENS) ?? Math.max(0, (of(PROMPT_TOKENS) ?? 0) - (of(CACHE_HITS) ?? 0)),
    };
    const before = this.#work.get(model) ?? { decodeSeconds: 0, decoded: 0, prefillSeconds: 0, prompt: 0 };
    this.#work.set(model, now);
    const fresh = present({
      decodeTps: rate(now.decoded - before.decoded, now.decodeSeconds - before.decodeSeconds),
      prefillTps: rate(now.prompt - before.prompt, now.prefillSeconds - before.prefillSeconds),
    });
    const rates = { ...this.#rates.get(model), ...fresh };
    this.#rates.set(model, rates);
    return rates;
  }
}

function modelOf(
  { id, max_model_len }: Entry,
  base: Entry | undefined,
  { dialects, capabilities }: VllmFacts,
): Pick<ServedModel, "advert"> {
  return {
    advert: {
      id,
      ...present({ context_length: max_model_len ?? base?.max_model_len }),
      dialects: [...dialects],
      capabilities: { ...capabilities },
    },
  };
}

/**
 * Logprobs are as old as its API; JSON schemas were dropped by the first versions of its second engine, and are held by
 * all since 0.9.0. Who only looks like it tells no version, or another one. That a model thinks is told by no endpoint.
 */
function withAnswers({ dialects, capabilities }: VllmFacts, version: string | undefined): VllmFacts {
  const isKnown = dialects.includes("chat_completions") && isAtLeast(version, "0.9.0");
  return {
    dialects,
    capabilities: isKnown ? { ...capabilities, structured_output: true, logprobs: true } : capabilities,
  };
}

/** One cache serves all models; several engines each have a part of it and report their own use. */
function budgetOf(metrics: Metrics, use: number | undefined): SlotFacts["budget"] {
  const sizes = (metrics.get(CACHE_CONFIG) ?? []).map(({ labels }) => Number(labels["kv_cache_size_tokens"]));
  const maxTokens = sizes.reduce((sum, size) => sum + size, 0);
  if (use === undefined || !Number.isSafeInteger(maxTokens) || maxTokens <= 0) return undefined;
  const share = Math.min(1, use / sizes.length);
  return { maxTokens, usedTokens: Math.round(maxTokens * share) };
}

function rate(tokens: number, seconds: number): number | undefined {
  return tokens > 0 && seconds > 0 ? tokens / seconds : undefined;
}

function listOf(json: unknown): readonly unknown[] {
  return z.object({ data: z.array(z.unknown()) }).safeParse(json).data?.data ?? [];
}

function toOwned(entry: unknown): Pick<ServedModel, "advert"> | undefined {
  const id = entrySchema.safeParse(entry).data?.id;
  return id === undefined || !ownedSchema.safeParse(entry).success ? undefined : { advert: { id, capabilities: {} } };
}
