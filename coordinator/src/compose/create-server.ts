import { createServer as createHttpServer, type Server } from "node:http";
import type { Config } from "../config.js";
import type { ProviderServerDeps } from "../fleet/ws-server.js";
import { CONNECTION_TIMEOUTS, type ConnectionTimeouts } from "../http/connection-timeouts.js";
import { Connections } from "../http/connections.js";
import type { Listener } from "../http/listener.js";
import { serveWithoutUpgrade } from "../http/without-upgrade.js";
import type { Metrics } from "../platform/metrics.js";

/** How long a client may take for a request, ms: Node closes the connections of those that take longer. */
const CLIENT_TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 300_000, connectionsCheckingInterval: 2_000 };
/** Requests of one connection that may wait for their answers. Hardly any client sends a second one before the first's. */
const MAX_PIPELINED = 32;
/** The limit of open files, when the system tells none: the smallest that is usual. */
const ASSUMED_FILES = 1_024;
/** Descriptors that are not connections: files, the store, the log, pipes of child processes. */
const RESERVED_FILES = 64;

/** An HTTP server, and the owner of all its connections. */
export interface OwnedServer {
  readonly server: Server;
  readonly connections: Connections;
  /** What those need who take the upgrades on. */
  readonly forProviders: Pick<ProviderServerDeps, "withoutUpgrade" | "recognised">;
}

export interface ServerOptions extends Pick<Config, "maxConnections" | "proxies"> {
  /** Absent = as for everybody. */
  readonly timeouts?: ConnectionTimeouts;
}

/** @param ended counts connections that were ended although they might have gone on */
export function createServer(
  serve: Listener,
  { maxConnections, proxies, timeouts = CONNECTION_TIMEOUTS }: ServerOptions,
  ended: Pick<Metrics["connectionsEnded"], "inc">,
): OwnedServer {
  const server = createHttpServer(CLIENT_TIMEOUTS, (request, response) => {
    if (!connections.admit(request, response)) return;
    // What is left of a body that nobody wants would stop the connection from being read, and its end from being seen.
    void serve(request, response).finally(() => request.resume());
  });
  const total = maxConnections ?? connectionCapacity();
  // One address leaves room for the others; behind a proxy everybody has the proxy's.
  const perAddress = proxies > 0 ? Number.POSITIVE_INFINITY : Math.ceil(total / 2);
  const limits = { total, perAddress, pipelined: MAX_PIPELINED, timeouts };
  const connections = new Connections(server, limits, (reason) => ended.inc({ reason }));
  return {
    server,
    connections,
    forProviders: {
      withoutUpgrade: (request, socket, behind) =>
        connections.whenAnswered(socket, (later) =>
          serveWithoutUpgrade(server, request, socket, Buffer.concat([behind, later])),
        ),
      recognised: (socket) => connections.recognise(socket),
    },
  };
}

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } };
}

/** Connections that this process can hold, as far as its limit of open files goes. Node has raised that already. */
export function connectionCapacity(): number {
  const { userLimits } = process.report.getReport() as Report;
  const soft = userLimits?.open_files?.soft;
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return Math.max(1, (typeof soft === "number" ? soft : ASSUMED_FILES) - RESERVED_FILES);
}
