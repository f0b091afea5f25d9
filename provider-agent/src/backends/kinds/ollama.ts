import type { BackendDialect } from "@hearth/protocol";
import { z } from "zod";
import { lenientCount, lenientText, lenientTokens, modelId, present, readEntries } from "../model-list.js";
import { isOk, type ServerApi } from "../server-api.js";
import {
  type ServedModel,
  type ServerKind,
  ServerProblem,
  type ServerReader,
  type ServerReading,
} from "../server-kind.js";
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
  /** Of a model that runs on somebody else's machine. */
  remote_host: lenientText,
  details: z.object({ quantization_level: lenientText }).optional().catch(undefined),
});
const tagsSchema = z.object({ models: z.array(z.unknown()) });
const loadedSchema = z.object({
  model: modelId,
  size: lenientCount,
  size_vram: lenientCount,
  context_length: lenientTokens,
});
const showSchema = z.object({
  capabilities: strings,
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
  readonly trainedContext: number | undefined;
  readonly ownContext: number | undefined;
}

/**
 * Ollama. Endpoints and members as in its `server/routes.go` and `api/types.go` at v0.33.0-rc2; `/v1/responses` came
 * with v0.13.3, `/v1/messages` with v0.14.0 (routes at these tags). Templates are Go templates: no opinion on them.
 */
export const OLLAMA: ServerKind = {
  name: "ollama",
  ports: [11_434],
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
    if (!isOk(tags)) throw new ServerProblem(`HTTP ${tags.status}`);
    const list = tagsSchema.safeParse(tags.json).data?.models;
    if (list === undefined) throw new ServerProblem("no list of models");
    const told = versionSchema.safeParse(version.json).data?.version;
    const loaded = readLoaded(ps.json);
    const entries = readEntries(list, (entry) => {
      const tag = tagSchema.safeParse(entry).data;
      // Prompts stay on the owner's machine.
      return tag === undefined || tag.remote_host ? undefined : { advert: { id: tag.model, capabilities: {} }, tag };
    });
    await this.#show(
      entries.map(({ tag }) => tag),
      signal,
    );
    const models = entries.map(({ tag }) => this.#model(tag, loaded.get(tag.model), told));
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

  #model(tag: Tag, loaded: Loaded | undefined, version: string | undefined): ServedModel {
    const shown = this.#shown.get(keyOf(tag));
    const capabilities = shown?.capabilities ?? [];
    const embeds = capabilities.includes("embedding");
    const idle = shown?.ownContext ?? DEFAULT_CONTEXT;
    const promised = Math.min(idle, shown?.trainedContext ?? idle);
    return {
      advert: {
        id: tag.model,
        context_length: loaded?.context_length ?? promised,
        ...present({ weights_bytes: tag.size, quantization: tag.details?.quantization_level }),
        dialects: embeds ? ["embeddings"] : chatDialects(version),
        capabilities:
          shown === undefined
            ? {}
            : { tools: capabilities.includes("tools"), vision: capabilities.includes("vision"), embeddings: embeds },
      },
      slot: { state: loaded === undefined ? "idle_shutdown" : "idle" },
    };
  }
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
    capabilities: show.capabilities ?? [],
    trainedContext: lenientTokens.parse(context),
    ownContext: lenientTokens.parse(own === undefined ? undefined : Number(own)),
  };
}
