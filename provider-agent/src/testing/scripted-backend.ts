import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One call that the backend received. */
export interface BackendCall {
  readonly path: string;
  readonly body: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client went away before the end. */
  aborted: boolean;
}

export type BackendScript = (call: BackendCall) => void | Promise<void>;

/** A ready answer, or none. */
export type Page =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** An object is sent as JSON. */
      readonly body: object | string;
    }
  | { readonly never: true };

/** Answers by method and path, like `GET /api/tags`; from the request's body where they depend on it. */
export type Pages = Readonly<Record<string, Page | ((body: string) => Page)>>;

export interface BackendOptions {
  readonly script?: BackendScript;
  readonly models?: readonly object[];
  /** Come before the list of models and the script. */
  readonly pages?: Pages;
  /** What an unknown GET gets. */
  readonly unknown?: Page;
  /** The script's calls; other POSTs get what an unknown GET gets. Absent = every POST. */
  readonly scripted?: readonly string[];
}

/** An OpenAI-compatible server that answers its pages and `/v1/models`, and every other POST as its script says. */
export class ScriptedBackend implements AsyncDisposable {
  readonly calls: BackendCall[] = [];
  /** Method and path of every request. */
  readonly asked: string[] = [];
  readonly sockets = new Set<Socket>();
  script: BackendScript;
  models: readonly object[];
  pages: Pages;
  readonly #unknown: Page;
  readonly #scripted: readonly string[] | undefined;
  readonly #server: Server;

  private constructor(server: Server, options: BackendOptions) {
    const { script = (call) => answer(call), models = [{ id: "m" }] } = options;
    this.#server = server;
    this.pages = options.pages ?? {};
    this.#unknown = options.unknown ?? { status: 404, body: { error: { code: 404 } } };
    this.#scripted = options.scripted;
    this.script = script;
    this.models = models;
    server.on("request", (request, response) => void this.#handle(request, response));
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
  }

  /** @param port 0 = any */
  static async start(options: BackendOptions = {}, port = 0): Promise<ScriptedBackend> {
    const server = createServer();
    const backend = new ScriptedBackend(server, options);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = `${request.method} ${request.url}`;
    this.asked.push(what);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString("utf8");
    const page = this.#page(what, body);
    if (page !== undefined) return sendPage(response, page);
    const call: BackendCall = { path: request.url ?? "", body, request, response, aborted: false };
    response.on("close", () => {
      call.aborted = !response.writableFinished;
    });
    this.calls.push(call);
    await this.script(call);
  }

  #page(what: string, body: string): Page | undefined {
    const page = this.pages[what];
    if (page !== undefined) return typeof page === "function" ? page(body) : page;
    if (what === "GET /v1/models") return { body: { object: "list", data: this.models } };
    const [method, path = ""] = what.split(" ");
    const isScripted = method === "POST" && (this.#scripted?.includes(path) ?? true);
    return isScripted ? undefined : this.#unknown;
  }
}

function sendPage(response: ServerResponse, page: Page): void {
  if ("never" in page) return;
  const { status = 200, headers, body } = page;
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

/** A question that any of these backends answers as a stream. */
export const CHAT_BODY = { model: "m", messages: [{ role: "user", content: "Hi, Zoë" }], stream: true };

export const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

export const USAGE_EVENT = `data: ${JSON.stringify({
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } },
})}\n\n`;

export const DONE = "data: [DONE]\n\n";

/** Starts a stream of events. */
export function startEvents({ response }: BackendCall): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
}

/** A whole clean answer. */
export function answer(call: BackendCall, texts: readonly string[] = ["Hello", " there"]): void {
  startEvents(call);
  call.response.write(chunk({ role: "assistant", content: "" }));
  for (const content of texts) call.response.write(chunk({ content }));
  call.response.write(chunk({}, "stop"));
  call.response.end(USAGE_EVENT + DONE);
}

/** The script of a backend that answers with exactly these parts as its stream of events. */
export const streamOf =
  (...parts: readonly string[]): BackendScript =>
  (call) => {
    startEvents(call);
    for (const part of parts) call.response.write(part);
    call.response.end();
  };

export function answerJson({ response }: BackendCall, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Writes, and waits until there is room for more or nobody to read it. */
export async function writeTo({ response }: BackendCall, text: string): Promise<void> {
  if (response.write(text) || response.destroyed) return;
  const { promise, resolve } = withResolver();
  response.once("drain", resolve).once("close", resolve);
  await promise;
  response.off("drain", resolve).off("close", resolve);
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
