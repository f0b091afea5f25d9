import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** What `npm run setup` has bundled. */
export const DASHBOARD_FILES: string = fileURLToPath(new URL("../../../dashboard/dist/", import.meta.url));

/** As the coordinator serves the page: nothing of it may need more. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

export interface Told {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Server-sent events instead of a body, after which the answer stays open. */
  readonly events?: readonly { readonly event?: string; readonly data: unknown }[];
}

/** What a route answers, by `METHOD /path` without the query. */
export type Script = Readonly<Record<string, (asked: Asked) => Told>>;

export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
}

export interface DashboardServer {
  readonly url: string;
  /** What has been asked for, in order, as `METHOD /path`. */
  readonly asked: readonly { readonly route: string; readonly body: unknown }[];
  readonly close: () => Promise<void>;
}

/** Serves the page with a scripted coordinator behind it: for states that a real one would take hours to come into. */
export async function startDashboardServer(script: () => Script): Promise<DashboardServer> {
  const asked: { route: string; body: unknown }[] = [];
  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://dashboard");
    const route = `${incoming.method} ${pathname}`;
    const scripted = script()[route];
    if (scripted === undefined && pathname.startsWith("/dashboard/") && pathname !== "/dashboard/session") {
      return await serveFile(pathname.slice("/dashboard/".length), outgoing);
    }
    const body = await bodyOf(incoming);
    asked.push({ route, body });
    if (incoming.headers["x-requested-with"] !== "hearth-dashboard") return tell(outgoing, UNHEADED);
    tell(outgoing, scripted?.({ path: pathname, query: searchParams, body }) ?? UNKNOWN);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dashboard/`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const refusal = (status: number, message: string): Told => ({ status, body: { error: { message, code: null } } });
const UNHEADED = refusal(401, "The page's own header is missing.");
const UNKNOWN = refusal(404, "No such route.");

async function bodyOf(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function tell(outgoing: ServerResponse, { status = 200, body, headers = {}, events }: Told): void {
  if (events === undefined) {
    outgoing.writeHead(status, { "Content-Type": "application/json", ...headers });
    outgoing.end(body === undefined ? "" : JSON.stringify(body));
    return;
  }
  outgoing.writeHead(status, { "Content-Type": "text/event-stream", ...headers });
  for (const { event, data } of events) {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    outgoing.write(`${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`);
  }
  if (events.at(-1)?.data === "[DONE]") outgoing.end();
}

async function serveFile(path: string, outgoing: ServerResponse): Promise<void> {
  const isFile = extname(path) !== "";
  const file = join(DASHBOARD_FILES, normalize(isFile ? path : "index.html"));
  const content = await readFile(file).catch(() => undefined);
  if (content === undefined) return tell(outgoing, UNKNOWN);
  outgoing.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "", "Content-Security-Policy": POLICY });
  outgoing.end(content);
}
