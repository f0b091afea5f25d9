import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ApiError } from "../api/api-error.js";
import { applyTemplate, chatCompletions } from "../api/chat-completions.js";
import { completions } from "../api/completions.js";
import type { EngineService } from "../api/engine-service.js";
import { Exchange } from "./exchange.js";

type Handler = (service: EngineService, exchange: Exchange) => Promise<void>;

interface Route {
  readonly method: "GET" | "POST";
  readonly handle: Handler;
}

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/health", { method: "GET", handle: (service, exchange) => exchange.sendJson(200, service.health()) }],
  ["/v1/models", { method: "GET", handle: (service, exchange) => exchange.sendJson(200, service.models()) }],
  ["/v1/chat/completions", { method: "POST", handle: chatCompletions }],
  ["/apply-template", { method: "POST", handle: applyTemplate }],
  ["/v1/completions", { method: "POST", handle: completions }],
]);

/** An agent keeps connections for its next request; it must not find them closed just then. */
const KEEP_ALIVE_MS = 10 * 60_000;
/** How long a client may take for a request, ms: it is on this machine. */
const CLIENT_TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 60_000, connectionsCheckingInterval: 1_000 };

export interface EngineServer {
  readonly port: number;
  /** Refuses new requests, gives up the running ones, and resolves when the last response has ended. */
  close(): Promise<void>;
}

/** Serves the engine on a free port of 127.0.0.1, to whoever has the key. */
export async function startServer(service: EngineService, apiKey: string): Promise<EngineServer> {
  const running = new Map<Exchange, Promise<void>>();
  const server = createServer(CLIENT_TIMEOUTS, (request, response) => {
    const exchange = new Exchange(request, response);
    const answered = answer(service, exchange, apiKey).finally(() => running.delete(exchange));
    running.set(exchange, answered);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await listen(server);
  return {
    port,
    close: async () => {
      server.close();
      for (const exchange of running.keys()) exchange.abandon();
      await Promise.all(running.values());
      server.closeAllConnections();
    },
  };
}

/** Never rejects: whatever goes wrong is told to the client. */
async function answer(service: EngineService, exchange: Exchange, apiKey: string): Promise<void> {
  try {
    checkKey(exchange, apiKey);
    await route(exchange)(service, exchange);
  } catch (error) {
    await exchange.fail(ApiError.from(error));
  }
}

function checkKey(exchange: Exchange, apiKey: string): void {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  if (timingSafeEqual(digest(exchange.authorization), digest(`Bearer ${apiKey}`))) return;
  throw new ApiError("invalid_api_key", "The API key is missing or wrong.");
}

function route(exchange: Exchange): Handler {
  const found = ROUTES.get(exchange.path);
  if (found === undefined) throw new ApiError("unknown_url", `There is no ${exchange.path} here.`);
  if (found.method === exchange.method) return found.handle;
  throw new ApiError("method_not_allowed", `${exchange.path} takes ${found.method} only.`);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}
