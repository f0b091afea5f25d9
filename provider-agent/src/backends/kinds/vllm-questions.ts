import { BACKEND_DIALECTS, type BackendDialect, type ModelAdvert } from "@hearth/protocol";
import { z } from "zod";
import { DIALECT_PATHS, isOk, type ServerApi } from "../server-api.js";

/** What a vLLM does, as far as it is known. */
export interface VllmFacts {
  readonly dialects: readonly BackendDialect[];
  readonly capabilities: ModelAdvert["capabilities"];
}

/** Every version chats, unless its model is for something else. */
const CHATS: readonly BackendDialect[] = ["chat_completions", "completions"];
export const UNKNOWN: VllmFacts = { dialects: CHATS, capabilities: {} };

const EMBEDDER: VllmFacts["capabilities"] = { embeddings: true, tools: false };

/** A server that is busy is asked again at the next look, so often at most. */
const MAX_ROUNDS = 3;

const embeddingsSchema = z.object({ data: z.array(z.object({ embedding: z.unknown() })).min(1) });
const tokensSchema = z.object({ count: z.number() });

const MESSAGES = [{ role: "user", content: "Hi" }];
const ONE_TOKEN = { messages: MESSAGES, max_tokens: 1 };
const TOOLS = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
/** A grey picture of 64 by 64: some models take none that is smaller than a patch. */
const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKUlEQVR42u3MQREAAAwCIKMb3RD77SAA6VEEAoFAIBAIBAKBQCAQfA8G320AeXC6efoAAAAASUVORK5CYII=";
const PICTURED = [{ role: "user", content: [{ type: "image_url", image_url: { url: PICTURE } }] }];

/**
 * Finds out what a vLLM does that it has no list of, by asking for the least of it: once, while it runs. Refusals as in
 * `vllm/entrypoints/openai/serving_chat.py` and `chat_utils.py`, 2025.
 */
export class VllmQuestions {
  readonly #api: ServerApi;
  #rounds = 0;
  #embeds: boolean | undefined;
  /** Of a model that makes embeddings. */
  #alsoChats: boolean | undefined;
  #tools: boolean | undefined;
  #vision: boolean | undefined;

  constructor(api: ServerApi) {
    this.#api = api;
  }

  /** @param paths those that its documentation names; empty = it has none @throws Error when no answer comes */
  async ask(model: string, paths: ReadonlySet<string>, signal: AbortSignal): Promise<VllmFacts> {
    const spoken = BACKEND_DIALECTS.filter((dialect) => paths.has(`/v1/${DIALECT_PATHS[dialect]}`));
    const mayChat = paths.size === 0 || spoken.includes("chat_completions");
    const mayEmbed = paths.size === 0 || spoken.includes("embeddings");
    if (!mayChat) return { dialects: spoken, capabilities: mayEmbed ? EMBEDDER : {} };
    if (this.#rounds < MAX_ROUNDS && !this.#isDone(mayEmbed)) await this.#askMore(model, mayEmbed, signal);
    if (this.#embeds === true && this.#alsoChats !== true) return { dialects: ["embeddings"], capabilities: EMBEDDER };
    const chats = spoken.length > 0 ? spoken : CHATS;
    return {
      dialects: this.#embeds === true ? [...chats] : chats.filter((dialect) => dialect !== "embeddings"),
      capabilities: this.#capabilities(),
    };
  }

  async #askMore(model: string, mayEmbed: boolean, signal: AbortSignal): Promise<void> {
    this.#rounds += 1;
    // Older versions name the paths of every task, whatever the model is for.
    if (mayEmbed) this.#embeds ??= await this.#doesEmbed(model, signal);
    if (this.#embeds === true) this.#alsoChats ??= await this.#doesChat(model, signal);
    if (this.#embeds === true && this.#alsoChats !== true) return;
    this.#vision ??= await this.#doesSee(model, signal);
    this.#tools ??= await this.#takesTools(model, signal);
  }

  #isDone(mayEmbed: boolean): boolean {
    if (this.#embeds === true && this.#alsoChats === false) return true;
    return (!mayEmbed || this.#embeds !== undefined) && this.#vision !== undefined && this.#tools !== undefined;
  }

  #capabilities(): ModelAdvert["capabilities"] {
    return {
      ...(this.#tools === undefined ? {} : { tools: this.#tools }),
      ...(this.#vision === undefined ? {} : { vision: this.#vision }),
      ...(this.#embeds === true ? { embeddings: true } : {}),
    };
  }

  /** A model that chats refuses this. */
  async #doesEmbed(model: string, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#api.postSoon("v1/embeddings", { model, input: "Hi" }, signal);
    if (answer === undefined || isBusy(answer.status)) return undefined;
    return isOk(answer) && embeddingsSchema.safeParse(answer.json).success;
  }

  /** Nothing is generated: the messages are only laid out. */
  async #doesSee(model: string, signal: AbortSignal): Promise<boolean | undefined> {
    const plain = await this.#api.postSoon("tokenize", { model, messages: MESSAGES }, signal);
    if (plain === undefined || !isOk(plain) || !tokensSchema.safeParse(plain.json).success) return undefined;
    const pictured = await this.#api.postSoon("tokenize", { model, messages: PICTURED }, signal);
    if (pictured === undefined) return undefined;
    if (pictured.status === 400) return false;
    return isOk(pictured) && tokensSchema.safeParse(pictured.json).success ? true : undefined;
  }

  /** It refuses tools that a model may choose, unless its owner has named a parser for them. One token is generated. */
  async #takesTools(model: string, signal: AbortSignal): Promise<boolean | undefined> {
    const chat = { model, ...ONE_TOKEN };
    const tooled = await this.#api.postSoon(
      "v1/chat/completions",
      { ...chat, tools: TOOLS, tool_choice: "auto" },
      signal,
    );
    if (tooled === undefined) return undefined;
    if (isOk(tooled)) return true;
    if (tooled.status !== 400) return undefined;
    return (await this.#doesChat(model, signal)) === true ? false : undefined;
  }

  async #doesChat(model: string, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#api.postSoon("v1/chat/completions", { model, ...ONE_TOKEN }, signal);
    return answer === undefined || isBusy(answer.status) ? undefined : isOk(answer);
  }
}

const isBusy = (status: number): boolean => status === 429 || status >= 500;
