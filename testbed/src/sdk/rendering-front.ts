import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chunkOf } from "../scripted/scripted-stream.js";

/** The context that the server is said to have, tokens: an agent's prompt is longer than a small model's. */
const CONTEXT_TOKENS = 131_072;

/** A message of a chat, as far as a script looks at it. */
export interface AskedMessage {
  readonly role: string;
  readonly content?: unknown;
}

/** What a model says next: a call of a tool, or a text. */
export type NextTurn = { readonly name: string; readonly args: object } | string;

/**
 * Stands before a real llama-server: a chat is rendered by its template, whose refusal is the answer, and otherwise
 * answered by a script, because no model that is small enough for a test could follow an agent's prompt.
 */
export class RenderingFront implements AsyncDisposable {
  /** The prompts that the template made of the chats that came. */
  readonly prompts: string[] = [];
  readonly #server: Server;
  readonly #origin: string;
  readonly #script: (messages: readonly AskedMessage[]) => NextTurn;

  private constructor(server: Server, origin: string, script: (messages: readonly AskedMessage[]) => NextTurn) {
    this.#server = server;
    this.#origin = origin;
    this.#script = script;
    server.on("request", (incoming, answer) => void this.#handle(incoming, answer));
  }

  /** @param origin of the real server */
  static async start(origin: string, script: (messages: readonly AskedMessage[]) => NextTurn): Promise<RenderingFront> {
    const server = createServer();
    const front = new RenderingFront(server, origin, script);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const isChat = incoming.method === "POST" && incoming.url === "/v1/chat/completions";
    const isStreamed = isChat && JSON.parse(body.toString()).stream === true;
    const path = isStreamed ? "/apply-template" : (incoming.url ?? "/");
    const told = await fetch(this.#origin + path, {
      method: incoming.method ?? "GET",
      headers: { "content-type": "application/json" },
      ...(body.length > 0 ? { body } : {}),
    });
    if (isStreamed && told.ok) {
      this.prompts.push(((await told.json()) as { readonly prompt: string }).prompt);
      return this.#answer(JSON.parse(body.toString()), answer);
    }
    answer.writeHead(told.status, { "content-type": told.headers.get("content-type") ?? "text/plain" });
    answer.end((await told.text()).replaceAll(/"(n_ctx|n_ctx_train)":\s*\d+/g, `"$1":${CONTEXT_TOKENS}`));
  }

  #answer(
    { model, messages }: { readonly model: string; readonly messages: readonly AskedMessage[] },
    answer: ServerResponse,
  ): void {
    const next = this.#script(messages);
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
    ];
    answer.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of events) answer.write(`data: ${JSON.stringify(event)}\n\n`);
    answer.end("data: [DONE]\n\n");
  }
}
