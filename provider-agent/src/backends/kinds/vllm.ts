import { isAbsolute } from "node:path";
import { z } from "zod";
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
import type { ServedModel, ServerKind, ServerReader, ServerReading } from "../server-kind.js";
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
]);

/** Counters of all requests together, whoever sent them. */
const SIGNS = [
  ["prefilling", PROMPT_TOKENS],
  ["generating", GENERATION_TOKENS],
] as const;
const SIGN_NAMES: ReadonlySet<string> = new Set(SIGNS.map(([, name]) => name));

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
export const VLLM: ServerKind = {
  name: "vllm",
  ports: [8_000],
  async identify(api, signal) {
    const answer = await api.get("version", signal);
    const version = isOk(answer) ? versionSchema.safeParse(answer.json).data?.version : undefined;
    if (version === undefined) return undefined;
    // `/version` is nobody's own. The list is behind the key, where there is one.
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
      return { ...modelOf(parsed, base, known), slot: this.#slot(parsed.id, metrics) };
    });
    return { models, ...present({ version: this.#version }) };
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
  { id, max_model_len, root }: Entry,
  base: Entry | undefined,
  { dialects, capabilities }: VllmFacts,
): Omit<ServedModel, "slot"> {
  return {
    advert: {
      id,
      ...present({ context_length: max_model_len ?? base?.max_model_len }),
      dialects: [...dialects],
      capabilities: { ...capabilities },
    },
    ...(root !== undefined && isAbsolute(root) ? { source: { path: root } } : {}),
  };
}

/**
 * Logprobs are as old as its API; JSON schemas were dropped by the first versions of its second engine, and are held by
 * all since 0.9.0 (issue 13038 of vllm-project/vllm). Who only looks like it tells no version, or another one. That a
 * model thinks is told by no endpoint.
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
