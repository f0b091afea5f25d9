import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** Headers that speak of the upgrade only. */
const UPGRADE_HEADERS: ReadonlySet<string> = new Set(["upgrade", "http2-settings"]);

/**
 * Serves a request that offers an upgrade which nobody wants, as RFC 9110 §7.8 allows: as if it offered none. Clients
 * that would rather speak HTTP/2 (the JDK's, `curl --http2`) send every first request like that, bodies included.
 *
 * Node's parser has let go of the connection by now. It gets the connection anew, with the head of the request in front
 * of what has been read behind it.
 */
export function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, behind: Buffer): void {
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), "latin1"), behind]));
  server.emit("connection", socket);
}

/** The request's head as it came, but for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const value = rawHeaders[i + 1] ?? "";
    const kept = name.toLowerCase() === "connection" ? otherTokens(value) : value;
    if (!UPGRADE_HEADERS.has(name.toLowerCase()) && kept !== undefined) lines.push(`${name}: ${kept}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** What a `Connection` header says beside the upgrade; `undefined` when that is nothing. */
function otherTokens(value: string): string | undefined {
  const tokens = value.split(",").map((token) => token.trim());
  const others = tokens.filter((token) => token !== "" && !UPGRADE_HEADERS.has(token.toLowerCase()));
  return others.length === 0 ? undefined : others.join(", ");
}
