import type { BackendDialect, ModelAdvert } from "@hearth/protocol";
import { z } from "zod";
import { AgentError } from "../../platform/agent-error.js";
import { isCloudName } from "../cloud-name.js";
import { lenientCount, lenientText, lenientTokens, modelId, present, readEntries } from "../model-list.js";
import { isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerProfile, ServerReader, ServerReading } from "../server-profile.js";
import type { ServerSign } from "../sign-watch.js";
import { isAtLeast } from "./version-order.js";

/** Answers of `/api/show` that are asked for at once. */
const SHOWN_AT_ONCE = 4;
/**
 * The least context that Ollama gives a model by itself, tokens. A longer prompt is cut without a word, so that nothing
 * more is promised of a model that is not loaded and sets none of its own.
 */
const DEFAULT_CONTEXT = 4_096;

const strings = z.array(z.string().max(64)).max(32).optional().catch(undefined);

const tagSchema = z.object({
  model: modelId,
  digest: lenientText,
  size: lenientCount,
  /** Both of a model that runs on another machine. */
  remote_host: lenientText,
  remote_model: lenientText,
  /** Newer versions list what `/api/show` tells. */
  capabilities: strings,
  details: z.object({ quantization_level: lenientText, format: lenientText }).optional().catch(undefined),
});
const tagsSchema = z.object({ models: z.array(z.unknown()) });
const loadedSchema = z.object({
  model: modelId,
  size: lenientCount,
  size_vram: lenientCount,
  context_length: lenientTokens,
});
const showSchema = z.object({
  /** Since v0.6.4. */
  capabilities: strings,
  remote_host: lenientText,
  remote_model: lenientText,
  /** Only whether it has a place for tools, or for pictures. */
  template: z.string().optional().catch(undefined),
  projector_info: z.record(z.string(), z.unknown()).optional().catch(undefined),
  /** Lines like `num_ctx    8192`. */
  parameters: z.string().max(65_536).optional().catch(undefined),
  model_info: z.record(z.string(), z.unknown()).optional().catch(undefined),
});
const versionSchema = z.object({ version: z.string().max(64) });

type Tag = z.infer<typeof tagSchema>;
type Loaded = z.infer<typeof loadedSchema>;

/** What `/api/show` told of one digest. */
interface Shown {
  readonly capabilities: readonly string[];
  /** It runs on another machine. */
  readonly isRemote: boolean;
  readonly trainedContext: number | undefined;
  readonly ownContext: number | undefined;
}

/**
 * Ollama. Endpoints and members as in its `server/routes.go` and `api/types.go` at v0.33.0-rc2; `/v1/responses` came
 * with v0.13.3, `/v1/messages` with v0.14.0 (routes at these tags). Templates are Go templates: no opinion on them.
 */
export const OLLAMA: ServerProfile<"ollama"> = {
  name: "ollama",
  ports: [11_434],
  usualPort: 11_434,
  // A model's namespace: `openai/openai.go` at v0.33.
  owner: "library",
  hides: true,
  async identify(api, signal) {
    const answer = await api.get("api/version", signal);
    const version = isOk(answer) ? versionSchema.safeParse(answer.json).data?.version : undefined;
    if (version === undefined) return undefined;
    const tags = await api.get("api/tags", signal);
    return tagsSchema.safeParse(tags.json).success ? { version } : undefined;
  },
  reader: (api) => new OllamaReader(api),
};

class OllamaReader implements ServerReader {
  readonly program = "ollama";
  readonly listsAll = true;
  readonly #api: ServerApi;
  #shown = new Map<string, Shown>();

  constructor(api: ServerApi) {
    this.#api = api;
  }

  forget(): void {
    // A digest names its content: what was shown of it stays true.
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const [tags, ps, version] = await Promise.all([
      this.#api.get("api/tags", signal),
      this.#api.get("api/ps", signal),
      this.#api.get("api/version", signal),
    ]);
    if (!isOk(tags)) throw new AgentError("server_unusable", `HTTP ${tags.status}`);
    const list = tagsSchema.safeParse(tags.json).data?.models;
    if (list === undefined) throw new AgentError("server_unusable", "no list of models");
    const told = versionSchema.safeParse(version.json).data?.version;
    const loaded = readLoaded(ps.json);
    const entries = readEntries(list, (entry) => {
      const tag = tagSchema.safeParse(entry).data;
      return tag === undefined || isRemote(tag) || isCloudName(tag.model)
        ? undefined
        : { advert: { id: tag.model, capabilities: {} }, tag };
    });
    await this.#show(
      entries.map(({ tag }) => tag),
      signal,
    );
    const models = entries.flatMap(({ tag }) => this.#model(tag, loaded.get(tag.model), told) ?? []);
    return { models, ...present({ version: told }) };
  }

  /** A model is listed as soon as it begins to load: only what grows tells of that. */
  async signs(_models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    const { json } = await this.#api.get("api/ps", signal);
    return [...readLoaded(json).values()].flatMap(({ model, size = 0, size_vram: vram = 0 }) => {
      const of = { type: "model", model } as const;
      return [
        { key: `vram ${model}`, sign: "loading", counter: vram, of },
        { key: `size ${model}`, sign: "loading", counter: size, of },
      ] as const;
    });
  }

  /** Asks for what is not known yet, and forgets what is no longer there. */
  async #show(tags: readonly Tag[], signal: AbortSignal): Promise<void> {
    const known = new Map(
      tags.flatMap((tag) => {
        const shown = this.#shown.get(keyOf(tag));
        return shown === undefined ? [] : [[keyOf(tag), shown] as const];
      }),
    );
    this.#shown = known;
    const missing = tags.filter((tag) => !known.has(keyOf(tag)));
    for (let at = 0; at < missing.length; at += SHOWN_AT_ONCE) {
      const part = missing.slice(at, at + SHOWN_AT_ONCE);
      await Promise.all(
        part.map(async (tag) => {
          const answer = await this.#api.post("api/show", { model: tag.model }, signal);
          const shown = isOk(answer) ? readShown(answer.json) : undefined;
          if (shown !== undefined) known.set(keyOf(tag), shown);
        }),
      );
    }
  }

  /** @returns `undefined` for what is not to be served: what runs elsewhere, and what makes no text and no embeddings */
  #model(tag: Tag, loaded: Loaded | undefined, version: string | undefined): ServedModel | undefined {
    const shown = this.#shown.get(keyOf(tag));
    if (shown?.isRemote === true) return undefined;
    const capabilities = shown?.capabilities ?? tag.capabilities;
    const embeds = capabilities?.includes("embedding") ?? false;
    const chats = capabilities?.includes("completion") ?? true;
    if (!embeds && !chats) return undefined;
    const isKnown = capabilities !== undefined;
    return {
      advert: {
        id: tag.model,
        ...present({
          context_length: loaded?.context_length ?? idleContext(shown),
          weights_bytes: tag.size,
          quantization: tag.details?.quantization_level,
        }),
        dialects: [...(chats ? chatDialects(version) : []), ...(embeds ? (["embeddings"] as const) : [])],
        capabilities: isKnown
          ? {
              ...{ tools: capabilities.includes("tools"), vision: capabilities.includes("vision"), embeddings: embeds },
              ...(chats ? answerAbilities(tag, capabilities, version) : {}),
            }
          : {},
      },
      slot: { state: loaded === undefined ? "idle_shutdown" : "idle" },
      ...(tag.model.endsWith(LATEST) ? { aliases: [tag.model.slice(0, -LATEST.length)] } : {}),
    };
  }
}

/** The tag of a name that has none. */
const LATEST = ":latest";

/** Prompts stay on the owner's machine. */
function isRemote({ remote_host, remote_model }: Pick<Tag, "remote_host" | "remote_model">): boolean {
  return Boolean(remote_host) || Boolean(remote_model);
}

function idleContext(shown: Shown | undefined): number | undefined {
  if (shown === undefined) return undefined;
  const { ownContext: idle = DEFAULT_CONTEXT, trainedContext = idle } = shown;
  return Math.min(idle, trainedContext);
}

const keyOf = (tag: Tag): string => `${tag.model} ${tag.digest ?? ""}`;

function chatDialects(version: string | undefined): BackendDialect[] {
  return [
    "chat_completions",
    "completions",
    ...(isAtLeast(version, "0.13.3") ? (["responses"] as const) : []),
    ...(isAtLeast(version, "0.14.0") ? (["messages"] as const) : []),
  ];
}

/**
 * JSON schemas came with v0.5.0, the capability of thinking with v0.9.0, logprobs with v0.12.11 (its release notes);
 * before that a wish for them was dropped without a word. What its MLX runner serves had no schemas at first, and which
 * version of it is there is not told: only of GGUF files it is known.
 */
function answerAbilities(
  { details }: Tag,
  capabilities: readonly string[],
  version: string | undefined,
): ModelAdvert["capabilities"] {
  const thinks = capabilities.includes(THINKS);
  const reasoning = thinks || isAtLeast(version, "0.9.0") ? { reasoning: thinks } : {};
  // A build from source reports 0.0.0.
  if (!isAtLeast(version, "0.0.1")) return reasoning;
  const knowsSchemas = isAtLeast(version, "0.5.0");
  return {
    ...(knowsSchemas && details?.format !== "gguf" ? {} : { structured_output: knowsSchemas }),
    logprobs: isAtLeast(version, "0.12.11"),
    ...reasoning,
  };
}

const THINKS = "thinking";

function readLoaded(json: unknown): ReadonlyMap<string, Loaded> {
  const entries = tagsSchema.safeParse(json).data?.models ?? [];
  return new Map(
    entries.flatMap((entry) => {
      const loaded = loadedSchema.safeParse(entry).data;
      return loaded === undefined ? [] : [[loaded.model, loaded] as const];
    }),
  );
}

function readShown(json: unknown): Shown | undefined {
  const show = showSchema.safeParse(json).data;
  if (show === undefined) return undefined;
  const context = Object.entries(show.model_info ?? {}).find(([key]) => key.endsWith(".context_length"))?.[1];
  const own = /^num_ctx\s+(\d+)\s*$/m.exec(show.parameters ?? "")?.[1];
  return {
    capabilities: show.capabilities ?? deduced(show),
    isRemote: isRemote(show),
    trainedContext: lenientTokens.parse(context),
    ownContext: lenientTokens.parse(own === undefined ? undefined : Number(own)),
  };
}

/** As Ollama itself finds out what it has no list of (`server/images.go`, `Capabilities`, at v0.6.4). */
function deduced({ template = "", model_info = {}, projector_info = {} }: z.infer<typeof showSchema>): string[] {
  const keys = Object.keys(model_info);
  if (keys.some((key) => key.endsWith(".pooling_type"))) return ["embedding"];
  const sees = Object.keys(projector_info).length > 0 || keys.some((key) => key.endsWith(".vision.block_count"));
  return ["completion", ...(template.includes(".Tools") ? ["tools"] : []), ...(sees ? ["vision"] : [])];
}
