import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, Tally } from "@hearth/platform";
import { LIMITS, SUBPROTOCOL } from "@hearth/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Logger } from "../platform/logger.js";
import { type HandshakeDeps, handshake } from "./handshake.js";
import { PacedWork } from "./paced-work.js";
import type { Registration } from "./registration.js";

export const PROVIDER_PATH = "/ws/provider";

/** How long a refused peer may take to read the reason and close, ms. */
const FAREWELL_MS = 1_000;

export interface ProviderServerDeps extends Omit<HandshakeDeps, "paced"> {
  readonly log: Logger;
  readonly maxConnectionsPerAddress: number;
  /** Where a request comes from. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** False during shutdown: new connections are refused. */
  readonly accepting: () => boolean;
  /** Told of a connection whose machine has registered. */
  readonly recognised: (raw: Duplex) => void;
  /** @param address where it is connected from */
  readonly registered: (registration: Registration, address: string) => void;
  readonly refused: (reason: string) => void;
  /** Serves an upgrade request for any other path as a plain one. */
  readonly withoutUpgrade: (request: IncomingMessage, socket: Duplex, behind: Buffer) => void;
}

/** Accepts providers on `/ws/provider` of an HTTP server. */
export function acceptProviders(server: Server, deps: ProviderServerDeps): Disposable {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIMITS.frameBytes,
    // Ciphertext does not compress, and compression would fragment memory.
    perMessageDeflate: false,
    clientTracking: true,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const perAddress = new Tally();
  const paced = new PacedWork(deps.clock);
  // One for all connections, each of which holds it.
  const admitting = { ...deps, paced };
  const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer): void => {
    // Not parsed as a URL: the target may be none, and an exception here would end the process.
    if ((request.url ?? "").split("?", 1)[0] !== PROVIDER_PATH) return deps.withoutUpgrade(request, raw, head);
    const address = deps.addressOf(request);
    const full = perAddress.of(address) >= deps.maxConnectionsPerAddress;
    const problem = upgradeProblem(request, full) ?? (deps.accepting() ? undefined : "503 Service Unavailable");
    if (problem !== undefined) return rejectUpgrade(raw, problem, deps.clock);
    perAddress.add(address);
    removeAtEnd(perAddress, address, raw);
    const admitted = (socket: WebSocket): void => void admit(socket, raw, address, admitting);
    paced.do("begins", () => sockets.handleUpgrade(request, raw, head, admitted));
  };
  server.on("upgrade", onUpgrade);
  return {
    [Symbol.dispose]() {
      server.off("upgrade", onUpgrade);
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

/** By itself, so that it holds nothing of the request as long as the connection lasts. */
function removeAtEnd(perAddress: Tally, address: string, raw: Duplex): void {
  raw.once("close", () => perAddress.remove(address));
}

async function admit(
  socket: WebSocket,
  raw: Duplex,
  address: string,
  deps: ProviderServerDeps & HandshakeDeps,
): Promise<void> {
  // A socket error (a reset, an oversize or invalid frame) is followed by `close`, which does the rest.
  socket.on("error", (error) => deps.log.debug({ problem: error.message }, "provider socket error"));
  const result = await handshake(socket, raw, deps);
  if (result.type === "registered") {
    deps.recognised(raw);
    return deps.registered(result.registration, address);
  }
  deps.log.info({ reason: result.reason, problem: result.problem }, "provider refused");
  deps.refused(result.reason);
}

function upgradeProblem({ headers }: IncomingMessage, full: boolean): string | undefined {
  if (headers.upgrade?.toLowerCase() !== "websocket") return "426 Upgrade Required\r\nUpgrade: websocket";
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
  if (!offered.includes(SUBPROTOCOL)) return "400 Bad Request";
  return full ? "429 Too Many Requests" : undefined;
}

/** Sends the status and ends the connection: at once if the peer has closed its side, else after a while. */
function rejectUpgrade(raw: Duplex, status: string, clock: Clock): void {
  const cut = clock.setTimer(FAREWELL_MS, () => raw.destroy());
  raw.on("error", () => {});
  raw.once("close", () => cut[Symbol.dispose]());
  // Discards what follows the request: left unread, it would hide that the peer has gone.
  raw.resume();
  raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
