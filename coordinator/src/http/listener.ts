import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { ENDPOINTS } from "../api/endpoints.js";
import { allowPages, type CorsSettings } from "./cors.js";
import { type InferenceDeps, serveInference } from "./inference-route.js";
import { countAnswers } from "./route-counts.js";
import type { HttpEnv } from "./routing.js";

/** Serves one request of Node's, until it has been answered. */
export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/**
 * Inference requests are most of what comes, and need nothing of what a router and its middleware do: they are known by
 * their path as it stands. Everything else, also what asks for the same in another way, goes by Hono's routes.
 */
export function createListener(
  app: Pick<Hono<HttpEnv>, "fetch">,
  deps: InferenceDeps & { readonly cors: () => CorsSettings },
): Listener {
  const byRoutes = getRequestListener(app.fetch);
  const endpoints = new Map(ENDPOINTS.map((endpoint) => [endpoint.path as string, endpoint]));
  const count = countAnswers(deps.metrics);
  return async (incoming, outgoing) => {
    const path = pathOf(incoming.url ?? "");
    const arrivedAt = deps.clock.now();
    const endpoint = endpoints.get(path);
    try {
      if (endpoint === undefined || incoming.method !== "POST") return await byRoutes(incoming, outgoing);
      allowPages({ incoming, outgoing }, deps.cors());
      await serveInference(deps, endpoint, incoming, outgoing);
    } finally {
      count(path, outgoing.statusCode, deps.clock.now() - arrivedAt);
    }
  };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}
