import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { ENDPOINTS } from "../api/endpoints.js";
import { allowPages, type CorsSettings } from "./cors.js";
import { type InferenceDeps, serveInference } from "./inference-route.js";
import type { HttpEnv } from "./routing.js";

/** Serves one request of Node's, until it has been answered. */
export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** Requests of the API (`/v1`) that are being answered. Health and operators' requests are none: they are no work. */
export class InFlight {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  async during(answering: Promise<void>): Promise<void> {
    this.#count++;
    try {
      await answering;
    } finally {
      this.#count--;
    }
  }
}

export interface ListenerDeps extends InferenceDeps {
  readonly cors: () => CorsSettings;
  readonly requests: InFlight;
}

/**
 * Inference requests are most of what comes, and need nothing of what a router and its middleware do: they are known by
 * their path as it stands. Everything else, also what asks for the same in another way, goes by Hono's routes.
 */
export function createListener(app: Pick<Hono<HttpEnv>, "fetch">, deps: ListenerDeps): Listener {
  const byRoutes = getRequestListener(app.fetch);
  const endpoints = new Map(ENDPOINTS.map((endpoint) => [endpoint.path as string, endpoint]));
  return (incoming, outgoing) => {
    const path = pathOf(incoming.url ?? "");
    const endpoint = incoming.method === "POST" ? endpoints.get(path) : undefined;
    if (endpoint !== undefined) {
      allowPages({ incoming, outgoing }, deps.cors());
      return deps.requests.during(serveInference(deps, endpoint, incoming, outgoing));
    }
    const answering = byRoutes(incoming, outgoing);
    return path.startsWith("/v1/") ? deps.requests.during(answering) : answering;
  };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}
