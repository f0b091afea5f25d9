import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chunkOf } from "../scripted/scripted-stream.js";

/** One `POST /v1/chat/completions` that the stub has been asked, in the hands of the test. */
export class StubExchange {
  /** Those of the request. */
  readonly headers: IncomingHttpHeaders;
  readonly #model: string;
  readonly #response: ServerResponse;

  constructor(model: string, { headers }: IncomingMessage, response: ServerResponse) {
    this.headers = headers;
    this.#model = model;
    this.#response = response;
  }

  content(text: string): void {
    this.#event(chunkOf(this.#model, { role: "assistant", content: text }));
  }

  role(): void {
    this.#event(chunkOf(this.#model, { role: "assistant", content: "" }));
  }

  comment(text: string): void {
    this.#write(`: ${text}\n\n`);
  }

  /** Answers with an HTTP error in OpenAI's form. */
  refuse(status: number, message: string): void {
    sendJson(this.#response, status, { error: { message, type: "invalid_request_error", param: null, code: null } });
  }

  /** Answers with these very bytes. */
  answer(status: number, contentType: string, body: string): void {
    this.#response.writeHead(status, { "Content-Type": contentType }).end(body);
  }

  end(): void {
    this.#event(chunkOf(this.#model, {}, "stop"));
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    this.#event({ ...chunkOf(this.#model, undefined), choices: [], usage });
    this.#response.end("data: [DONE]\n\n");
  }

  #event(data: unknown): void {
    this.#write(`data: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { "Content-Type": "text/event-stream" });
    this.#response.write(text);
  }
}

/** A backend that lists its model and otherwise does only what the test tells it to: by itself it never answers. */
export interface StubBackend extends AsyncDisposable {
  /** Base URL, up to `/v1`. */
  readonly url: string;
  /** Those that are not over: the agent waits for the rest of the answer. */
  readonly exchanges: readonly StubExchange[];
}

/** @param asked called for each chat completion; leaves it unanswered unless given */
export async function startStubBackend(
  model: string,
  asked: (exchange: StubExchange) => void = () => {},
): Promise<StubBackend> {
  const exchanges: StubExchange[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === "/v1/models") return sendJson(response, 200, { object: "list", data: [{ id: model }] });
    if (request.url !== "/v1/chat/completions") return sendJson(response, 404, { error: { message: "no such route" } });
    const exchange = new StubExchange(model, request, response);
    request.resume().on("end", () => {
      exchanges.push(exchange);
      response.on("close", () => exchanges.splice(exchanges.indexOf(exchange), 1));
      asked(exchange);
    });
  };
  const server = createServer(serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    exchanges,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
