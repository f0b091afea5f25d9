import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { LocalServer } from "./local-server.js";

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
export class NativeFront extends LocalServer {
  readonly requests: ForwardedRequest[] = [];
  readonly #origin: string;
  readonly #model: string;

  private constructor(origin: string, model: string) {
    super();
    this.#origin = origin;
    this.#model = model;
  }

  /** @param origin of the real server */
  static start(origin: string, model: string): Promise<NativeFront> {
    return new NativeFront(origin, model).listen();
  }

  protected override async handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
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
