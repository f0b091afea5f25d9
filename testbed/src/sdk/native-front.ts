import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that a backend got. */
export interface ForwardedRequest {
  readonly path: string;
  readonly body: Buffer;
  /** Whoever asked went away before the end of the answer. */
  abandoned: boolean;
}

const PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"];

/**
 * Stands before a real server and says of itself, as vLLM does, that it speaks every dialect natively: an agent
 * translates nothing for it. Requests and answers go through untouched, and so does a client's going away.
 */
export class NativeFront implements AsyncDisposable {
  readonly requests: ForwardedRequest[] = [];
  readonly #server: Server;
  readonly #origin: string;
  readonly #model: string;

  private constructor(server: Server, origin: string, model: string) {
    this.#server = server;
    this.#origin = origin;
    this.#model = model;
    server.on("request", (incoming, answer) => void this.#handle(incoming, answer));
  }

  /** @param origin of the real server */
  static async start(origin: string, model: string): Promise<NativeFront> {
    const server = createServer();
    const front = new NativeFront(server, origin, model);
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
    const path = incoming.url ?? "";
    if (incoming.method === "POST") return await this.#forward(path, incoming, answer);
    const page = this.#page(path);
    answer.writeHead(page === undefined ? 404 : 200, { "content-type": "application/json" });
    answer.end(JSON.stringify(page ?? {}));
  }

  #page(path: string): object | undefined {
    if (path === "/v1/models") return { object: "list", data: [{ id: this.#model, owned_by: "vllm" }] };
    if (path === "/openapi.json") return { paths: Object.fromEntries(PATHS.map((each) => [each, {}])) };
    return undefined;
  }

  async #forward(path: string, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const seen: ForwardedRequest = { path, body, abandoned: false };
    this.requests.push(seen);
    const { connection: _, host: __, ...headers } = incoming.headers;
    const forwarded = request(this.#origin + path, { method: "POST", headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    forwarded.on("error", () => answer.destroy());
    answer.on("close", () => {
      seen.abandoned = !answer.writableFinished;
      forwarded.destroy();
    });
    forwarded.end(body);
  }
}
