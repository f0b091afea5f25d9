import type { BackendDialect } from "@hearth/protocol";
import { z } from "zod";
import { AgentError } from "../../platform/agent-error.js";
import {
  lenientCount,
  lenientFlag,
  lenientSlots,
  lenientText,
  lenientTokens,
  listEntries,
  modelId,
  present,
  readEntries,
} from "../model-list.js";
import { DIALECT_PATHS, isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerProfile, ServerReader, ServerReading } from "../server-profile.js";
import type { ServerSign } from "../sign-watch.js";

/**
 * What is promised of a model that is not loaded, tokens: it is loaded with the context that its owner set, which no
 * endpoint tells and whose default is this.
 */
const UNLOADED_CONTEXT = 4_096;

const entrySchema = z.object({
  id: modelId,
  /** `llm`, `vlm` or `embeddings`. */
  type: lenientText,
  state: lenientText,
  quantization: lenientText,
  max_context_length: lenientTokens,
  loaded_context_length: lenientTokens,
});

const nativeSchema = z.object({
  key: z.string(),
  /** `llm` or `embedding`. */
  type: lenientText,
  size_bytes: lenientCount,
  max_context_length: lenientTokens,
  quantization: z.object({ name: lenientText.nullish() }).nullish().catch(undefined),
  // What a model was trained for is not looked at: all are given tools (`3_openai-compat/tools.mdx`).
  capabilities: z
    .object({
      vision: lenientFlag,
      /** Of a model that may be told whether to think, in newer versions (`2_rest/list.md`). */
      reasoning: z.object({}).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  loaded_instances: z.array(
    z.object({
      id: z.string(),
      config: z.object({ context_length: lenientTokens, parallel: lenientSlots }).optional().catch(undefined),
    }),
  ),
});
const nativeListSchema = z.object({ models: z.array(z.unknown()) });
const idSchema = z.object({ id: z.string() });

/** How often the state of a model was another one than before, as far as that was seen. */
interface SeenState {
  readonly state: string;
  readonly changes: number;
}

type AskedDialect = "responses" | "messages";

type Entry = z.infer<typeof entrySchema>;
type Native = z.infer<typeof nativeSchema>;

/** What it serves, by the `type` that it tells. */
const CHATS: ReadonlySet<string> = new Set(["llm", "vlm"]);
const EMBEDS: ReadonlySet<string> = new Set(["embeddings", "embedding"]);

/**
 * LM Studio. `/api/v0/models` is there since 0.3.6, `/v1/responses` since 0.3.29, `/api/v1/models` with sizes and slots
 * since 0.4.0, `/v1/messages` since 0.4.1 (`1_developer/api-changelog.md` of the repository lmstudio-ai/docs). No endpoint
 * tells its version, so that what a list does not show is asked for.
 * It answers an unknown path with 200 and `{"error":"Unexpected endpoint or method. …"}` (seen in 0.3.14 to 0.4.17,
 * lmstudio-bug-tracker issues 618 and 2085): only the body tells.
 */
export const LM_STUDIO: ServerProfile<"lm-studio"> = {
  name: "lm-studio",
  ports: [1_234],
  usualPort: 1_234,
  owner: "organization_owner",
  hides: true,
  async identify(api, signal) {
    const answer = await api.get("api/v0/models", signal);
    if (answer.status === 401 && answer.text.includes("LM Studio")) return { needsKey: true };
    const entries = isOk(answer) ? listEntries(answer) : undefined;
    if (entries?.every((entry) => entrySchema.safeParse(entry).data?.state !== undefined)) return {};
    if (entries !== undefined) return undefined;
    // Who follows only the newer documentation has only the newer endpoint.
    const natives = nativesIn((await api.get("api/v1/models", signal)).json);
    return natives !== undefined && natives.length > 0 ? {} : undefined;
  },
  reader: (api) => new LmStudioReader(api),
};

class LmStudioReader implements ServerReader {
  readonly program = "lm-studio";
  readonly listsAll = true;
  readonly #api: ServerApi;
  /** It logs an error for each question to a path that it does not know. */
  #hasNative: boolean | undefined;
  /** What it said of a dialect that it was asked for. */
  readonly #spoken = new Map<AskedDialect, boolean>();
  #seen: ReadonlyMap<string, SeenState> = new Map();

  constructor(api: ServerApi) {
    this.#api = api;
  }

  forget(): void {
    this.#hasNative = undefined;
    this.#spoken.clear();
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const [answer, list] = await Promise.all([
      this.#api.get("api/v0/models", signal),
      this.#api.get("v1/models", signal),
    ]);
    const natives = this.#hasNative === false ? undefined : await this.#native(signal);
    this.#hasNative = natives !== undefined;
    const entries = (isOk(answer) ? listEntries(answer) : undefined) ?? natives?.flatMap(entriesOf);
    if (entries === undefined)
      throw new AgentError("server_unusable", isOk(answer) ? "no list of models" : `HTTP ${answer.status}`);
    const offered = isOk(list) ? listEntries(list)?.map((entry) => idSchema.safeParse(entry).data?.id) : undefined;
    const dialects = await this.#dialects(natives !== undefined, signal);
    const models = readEntries(entries, (entry) => {
      const parsed = entrySchema.safeParse(entry).data;
      // Without just-in-time loading it offers what is loaded, and answers to any other name with that.
      const isOffered = parsed?.state === "loaded" || (offered?.includes(parsed?.id) ?? true);
      return parsed && isOffered && isServed(parsed) ? modelOf(parsed, { natives, dialects }) : undefined;
    });
    return { models };
  }

  /** It tells of no bytes while it loads: that a model becomes loaded, or another one goes, is all that moves. */
  async signs(_models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    const states = this.#hasNative === true ? await this.#nativeStates(signal) : await this.#states(signal);
    const seen = new Map<string, SeenState>();
    for (const [model, state] of states ?? []) {
      const before = this.#seen.get(model) ?? { state, changes: 0 };
      seen.set(model, { state, changes: before.changes + (before.state === state ? 0 : 1) });
    }
    this.#seen = seen;
    return [...seen].map(([model, { changes }]) => {
      return { key: model, sign: "loading", counter: changes, of: { type: "model", model } } as const;
    });
  }

  async #nativeStates(signal: AbortSignal): Promise<readonly (readonly [string, string])[] | undefined> {
    const natives = await this.#native(signal);
    return natives?.map(({ key, loaded_instances }) => [key, loaded_instances.map(({ id }) => id).join()] as const);
  }

  async #states(signal: AbortSignal): Promise<readonly (readonly [string, string])[] | undefined> {
    const entries = listEntries(await this.#api.get("api/v0/models", signal));
    return entries?.flatMap((entry) => {
      const { id, state } = entrySchema.safeParse(entry).data ?? {};
      return id === undefined || state === undefined ? [] : [[id, state] as const];
    });
  }

  /** What its models that chat are asked in; one question at most, for it logs those that it does not know. */
  async #dialects(hasNative: boolean, signal: AbortSignal): Promise<readonly BackendDialect[]> {
    const asked = hasNative ? "messages" : "responses";
    const spoken = this.#spoken.get(asked) ?? (await this.#speaks(asked, signal));
    if (spoken !== undefined) this.#spoken.set(asked, spoken);
    const known: readonly BackendDialect[] = [
      "chat_completions",
      "completions",
      ...(hasNative ? ["responses" as const] : []),
    ];
    return spoken === true ? [...known, asked] : known;
  }

  /**
   * Asks with a request that lacks everything, which no model sees: an endpoint that is there says with 400 what is
   * missing.
   *
   * @returns `undefined` when it does not say
   */
  async #speaks(dialect: AskedDialect, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#api.postSoon(`v1/${DIALECT_PATHS[dialect]}`, {}, signal);
    return answer && (answer.status === 400 || answer.status === 422);
  }

  async #native(signal: AbortSignal): Promise<readonly Native[] | undefined> {
    const { json } = await this.#api.get("api/v1/models", signal);
    return nativesIn(json);
  }
}

function nativesIn(json: unknown): readonly Native[] | undefined {
  return nativeListSchema.safeParse(json).data?.models.flatMap((each) => nativeSchema.safeParse(each).data ?? []);
}

const isServed = ({ type }: Entry): boolean => type === undefined || CHATS.has(type) || EMBEDS.has(type);

/** As `/api/v0/models` would list a model: each of its instances, and itself while none has its name. */
function entriesOf({ key, type, quantization, max_context_length, loaded_instances }: Native): readonly Entry[] {
  const known = { type, quantization: quantization?.name ?? undefined, max_context_length };
  const loaded = loaded_instances.map(({ id, config }): Entry => {
    return { ...known, id, state: "loaded", loaded_context_length: config?.context_length };
  });
  if (loaded.some(({ id }) => id === key)) return loaded;
  return [...loaded, { ...known, id: key, state: "not-loaded", loaded_context_length: undefined }];
}

interface ServerFacts {
  readonly natives: readonly Native[] | undefined;
  readonly dialects: readonly BackendDialect[];
}

function modelOf(entry: Entry, { natives, dialects }: ServerFacts): ServedModel {
  const native = natives?.find(
    ({ key, loaded_instances }) => key === entry.id || instanceOf(loaded_instances, entry.id),
  );
  const instance = native && (instanceOf(native.loaded_instances, entry.id) ?? native.loaded_instances[0]);
  const isLoaded = entry.state === "loaded";
  const embeds = entry.type !== undefined && EMBEDS.has(entry.type);
  const sees = entry.type === "vlm" || native?.capabilities?.vision === true;
  const loadedContext = entry.loaded_context_length ?? instance?.config?.context_length;
  const unloadedContext = Math.min(UNLOADED_CONTEXT, entry.max_context_length ?? UNLOADED_CONTEXT);
  return {
    advert: {
      id: entry.id,
      context_length: isLoaded ? (loadedContext ?? unloadedContext) : unloadedContext,
      ...present({ weights_bytes: native?.size_bytes, quantization: entry.quantization }),
      dialects: embeds ? ["embeddings"] : [...dialects],
      capabilities: {
        ...{ tools: !embeds, vision: sees, embeddings: embeds },
        // Older than either list (`3_openai-compat/structured-output.md`). Of logprobs nobody knows since when.
        ...(embeds ? {} : { structured_output: true }),
        ...(native?.capabilities?.reasoning === undefined ? {} : { reasoning: true }),
      },
    },
    slot: {
      state: stateOf(entry.state),
      ...present({ maxConcurrency: isLoaded ? instance?.config?.parallel : undefined }),
    },
  };
}

function instanceOf(instances: Native["loaded_instances"], id: string): Native["loaded_instances"][number] | undefined {
  return instances.find((instance) => instance.id === id);
}

function stateOf(state: string | undefined): ServedModel["slot"]["state"] {
  if (state === "loaded") return "idle";
  return state === "loading" ? "reloading" : "idle_shutdown";
}
