import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Config } from "../config.js";
import { Connections } from "../http/connections.js";
import { serveWithoutUpgrade } from "../http/without-upgrade.js";
import { connectionCapacity } from "../platform/descriptors.js";

/** How long a client may take for a request, ms: Node closes the connections of those that take longer. */
const CLIENT_TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 300_000, connectionsCheckingInterval: 2_000 };
/** Requests of one connection that may wait for their answers. Hardly any client sends a second one before the first's. */
const MAX_PIPELINED = 32;

/** An HTTP server, and the owner of all its connections. */
export interface OwnedServer {
  readonly server: Server;
  readonly connections: Connections;
  /** Serves a request that offered an upgrade which nobody wants. */
  readonly withoutUpgrade: (request: IncomingMessage, socket: Duplex, behind: Buffer) => void;
}

export type Fetch = Parameters<typeof getRequestListener>[0];

export function createServer(
  fetch: Fetch,
  { maxConnections, proxies }: Pick<Config, "maxConnections" | "proxies">,
): OwnedServer {
  const serve = getRequestListener(fetch);
  const server = createHttpServer(CLIENT_TIMEOUTS, (request, response) => {
    if (connections.admit(request, response)) void serve(request, response);
  });
  const total = maxConnections ?? connectionCapacity();
  // One address leaves room for the others; behind a proxy everybody has the proxy's.
  const perAddress = proxies > 0 ? total : Math.ceil(total / 2);
  const connections = new Connections(server, { total, perAddress, pipelined: MAX_PIPELINED });
  return {
    server,
    connections,
    withoutUpgrade: (request, socket, behind) =>
      connections.whenAnswered(socket, () => serveWithoutUpgrade(server, request, socket, behind)),
  };
}
