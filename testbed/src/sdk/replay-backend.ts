import type { IncomingMessage, ServerResponse } from "node:http";
import { LocalServer } from "./local-server.js";
import type { Recording, SpokenDialect } from "./recorded-traffic.js";

export const PATHS: Readonly<Record<SpokenDialect, string>> = {
  chat_completions: "/v1/chat/completions",
  completions: "/v1/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/** Answers a request in a recording's dialect with that recording, byte for byte. */
export class ReplayBackend extends LocalServer {
  playing: Recording | undefined;
  readonly #model: string;
  readonly #spoken: readonly SpokenDialect[];

  private constructor(model: string, spoken: readonly SpokenDialect[]) {
    super();
    this.#model = model;
    this.#spoken = spoken;
  }

  /** @param spoken dialects that it says it speaks, as vLLM does; none = a server that is known by its chats only */
  static start(model: string, spoken: readonly SpokenDialect[] = []): Promise<ReplayBackend> {
    return new ReplayBackend(model, spoken).listen();
  }

  protected override handle(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    request.resume().on("end", () => {
      if (request.method !== "POST") return sendJson(response, this.#page(path));
      const { playing } = this;
      if (playing === undefined || PATHS[playing.dialect] !== path) return sendJson(response, undefined);
      const type = playing.isStream ? "text/event-stream" : "application/json";
      response.writeHead(200, { "content-type": type }).end(playing.body);
    });
  }

  #page(path: string): object | undefined {
    const owner = this.#spoken.length === 0 ? {} : { owned_by: "vllm" };
    if (path === "/v1/models") return { object: "list", data: [{ id: this.#model, ...owner }] };
    if (this.#spoken.length === 0) return undefined;
    if (path === "/version") return { version: "0.11.0" };
    if (path !== "/openapi.json") return undefined;
    return { paths: Object.fromEntries(this.#spoken.map((each) => [PATHS[each], {}])) };
  }
}

function sendJson(response: ServerResponse, body: object | undefined): void {
  response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(body ?? { error: { message: "no such route" } }));
}
