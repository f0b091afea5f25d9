import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { ENDPOINTS } from "../api/endpoints.js";
import { allowPages, type CorsSettings } from "./cors.js";
import { type InferenceDeps, serveInference } from "./inference-route.js";
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
  return (incoming, outgoing) => {
    const endpoint = incoming.method === "POST" ? endpoints.get(pathOf(incoming.url ?? "")) : undefined;
    if (endpoint === undefined) return byRoutes(incoming, outgoing);
    allowPages({ incoming, outgoing }, deps.cors());
    return serveInference(deps, endpoint, incoming, outgoing);
  };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}
