import type { IncomingMessage, ServerResponse } from "node:http";
import { chunkOf } from "../scripted/scripted-stream.js";
import { LocalServer } from "./local-server.js";

/** The context that the server is said to have, tokens: an agent's prompt is longer than a small model's. */
const CONTEXT_TOKENS = 131_072;

/** A message of a chat, as far as a script looks at it. */
export interface AskedMessage {
  readonly role: string;
  readonly content?: unknown;
}

/** A chat that a model is asked to go on with. */
export interface AskedChat {
  readonly messages: readonly AskedMessage[];
  /** Names of the tools that it may call. */
  readonly tools: readonly string[];
}

/** A call of a tool. */
export interface Call {
  readonly name: string;
  readonly args: object;
}

/** What a model says next. */
export type NextTurn = Call | string;

/** What a model would say. */
export type TurnScript = (chat: AskedChat) => NextTurn;

interface ChatBody {
  readonly model: string;
  readonly messages: readonly AskedMessage[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

/** The parts of a chat's body that scripts look at. */
export function chatOf({ messages, tools = [] }: Omit<ChatBody, "model">): AskedChat {
  return { messages, tools: tools.map((tool) => tool.function.name) };
}

/** A model that makes these calls one after the other, as far as it may, and then says what all of them returned. */
export function calling(calls: readonly Call[]): TurnScript {
  return ({ messages, tools }) => {
    const results = messages.filter(({ role }) => role === "tool");
    const next = calls[results.length];
    if (next !== undefined && tools.includes(next.name)) return next;
    return `I was told: ${results.map(({ content }) => wordsOf(content)).join("; ")}`;
  };
}

function wordsOf(content: unknown): string {
  return typeof content === "string" ? content : JSON.stringify(content);
}

/**
 * Stands before a real llama-server: a chat is put to it and rendered by its template, and a refusal of either is the
 * answer. Otherwise a script answers, because no model that is small enough for a test could follow an agent's prompt,
 * or has the context for it.
 */
export class RenderingFront extends LocalServer {
  /** The prompts that the template made of the chats that came. */
  readonly prompts: string[] = [];
  /** What the server said of chats that it refused. */
  readonly refusals: string[] = [];
  readonly #origin: string;
  readonly #script: TurnScript;

  private constructor(origin: string, script: TurnScript) {
    super();
    this.#origin = origin;
    this.#script = script;
  }

  /** @param origin of the real server */
  static start(origin: string, script: TurnScript): Promise<RenderingFront> {
    return new RenderingFront(origin, script).listen();
  }

  protected override async handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const isChat = incoming.method === "POST" && incoming.url === "/v1/chat/completions";
    const chat: (ChatBody & { readonly stream?: boolean }) | undefined = isChat
      ? JSON.parse(body.toString())
      : undefined;
    if (chat?.stream === true) return this.#chat(chat, answer);
    const told = await this.#ask(incoming.url ?? "/", incoming.method, body.length > 0 ? body : undefined);
    answer.writeHead(told.status, { "content-type": told.headers.get("content-type") ?? "text/plain" });
    answer.end((await told.text()).replaceAll(/"(n_ctx|n_ctx_train)":\s*\d+/g, `"$1":${CONTEXT_TOKENS}`));
  }

  #ask(path: string, method = "GET", body?: string | Buffer): Promise<Response> {
    const headers = { "content-type": "application/json" };
    return fetch(this.#origin + path, { method, headers, ...(body === undefined ? {} : { body }) });
  }

  async #chat(chat: ChatBody, answer: ServerResponse): Promise<void> {
    const body = JSON.stringify({ ...chat, max_tokens: 1 });
    const asked = await this.#ask("/v1/chat/completions", "POST", body);
    const said = await asked.text();
    // It says so when it has taken everything else: the members, the template, and the grammar of the tools.
    const isTaken = asked.ok || said.includes('"exceed_context_size_error"');
    if (!isTaken) return this.#refuse(asked.status, said, answer);
    const rendered = await this.#ask("/apply-template", "POST", body);
    if (!rendered.ok) return this.#refuse(rendered.status, await rendered.text(), answer);
    this.prompts.push(((await rendered.json()) as { readonly prompt: string }).prompt);
    this.#answer(chat, answer);
  }

  #refuse(status: number, said: string, answer: ServerResponse): void {
    this.refusals.push(said);
    answer.writeHead(status, { "content-type": "application/json" });
    answer.end(said);
  }

  #answer(chat: ChatBody, answer: ServerResponse): void {
    const { model, messages } = chat;
    const next = this.#script(chatOf(chat));
    const isText = typeof next === "string";
    const id = `call_${messages.length}_of_a_long_name`;
    const called = isText ? undefined : { name: next.name, arguments: JSON.stringify(next.args) };
    const delta = isText
      ? { role: "assistant", content: next }
      : { role: "assistant", tool_calls: [{ index: 0, id, type: "function", function: called }] };
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    const events = [
      chunkOf(model, delta),
      chunkOf(model, {}, isText ? "stop" : "tool_calls"),
      { ...chunkOf(model, undefined), choices: [], usage },
    ].map((event) => ({ ...event, id: `chatcmpl-${this.prompts.length}` }));
    answer.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of events) answer.write(`data: ${JSON.stringify(event)}\n\n`);
    answer.end("data: [DONE]\n\n");
  }
}
