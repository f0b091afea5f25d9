import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describeFault, randomText } from "@hearth/platform";
import { z } from "zod";

import { AgentError } from "../platform/agent-error.js";
import type { Logger } from "../platform/logger.js";
import type { AgentControl } from "./agent-status.js";
import { writeRunFile } from "./run-file.js";

/** The page, whole in one file. */
const PAGE = readFileSync(new URL("../../pages/status.html", import.meta.url));
/** The longest pause, ms: a year. */
const MAX_PAUSE_MS = 365 * 24 * 3_600_000;
const MAX_BODY_BYTES = 1_024;
/** How long a client may take for a request, ms. */
const CLIENT_TIMEOUTS = { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };
/** An owner's page and commands, many times over. */
const MAX_CONNECTIONS = 64;

const pauseSchema = z.strictObject({ for_ms: z.number().int().min(1_000).max(MAX_PAUSE_MS).optional() });

/** Where the running agent can be asked. */
export interface StatusServer {
  /** `http://127.0.0.1:PORT`; the page is there, and needs the token behind a `#`. */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/**
 * Serves the owner's status page and what is behind it, on loopback only.
 *
 * | request | answer |
 * | --- | --- |
 * | `GET /` | the page; holds nothing |
 * | `GET /status` | `AgentStatus` |
 * | `POST /pause` `{for_ms?}`, `POST /resume` | `AgentStatus` |
 *
 * All but the page need `Authorization: Bearer <token>`. Another `Host` than this address is refused, so that no web
 * page elsewhere gets here by a name of its own.
 *
 * @param port 0 = any that is free
 * @throws AgentError `config_invalid` when the port cannot be had
 */
export async function startStatusServer(control: AgentControl, port: number, log?: Logger): Promise<StatusServer> {
  const token = randomText(24);
  const server = createServer(CLIENT_TIMEOUTS);
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, port);
  server.on("error", (error) => log?.warn({ problem: describeFault(error) }, "status page"));
  const { port: bound } = server.address() as AddressInfo;
  const hosts = hostsOf(bound);
  const digest = sha256(token);
  server.on("request", (request, response) => {
    serve(request, response, { control, hosts, digest }).catch((error: unknown) => {
      log?.error({ problem: describeFault(error) }, "status page failed");
      refuse(response, 500, "The agent could not do this; its log says why.");
    });
  });
  // An owner who looks at the page does not keep the agent alive.
  server.unref();
  return {
    url: `http://127.0.0.1:${bound}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Guard {
  readonly control: AgentControl;
  readonly hosts: ReadonlySet<string>;
  readonly digest: Buffer;
}

async function serve(request: IncomingMessage, response: ServerResponse, guard: Guard): Promise<void> {
  const { control, hosts, digest } = guard;
  if (!hosts.has(request.headers.host ?? ""))
    return refuse(response, 403, "This page answers on its own address only.");
  const route = `${request.method} ${(request.url ?? "").split("?", 1)[0]}`;
  if (route === "GET /") return sendPage(response);
  if (!isAuthorized(request, digest)) return refuse(response, 401, "The token is missing or wrong.");
  switch (route) {
    case "GET /status":
      break;
    case "POST /pause": {
      const wanted = pauseSchema.safeParse(await readJson(request));
      if (!wanted.success) return refuse(response, 400, "for_ms must be a whole number of milliseconds, from 1000.");
      control.pause(wanted.data.for_ms);
      break;
    }
    case "POST /resume":
      control.resume();
      break;
    default:
      return refuse(response, 404, "There is nothing here.");
  }
  sendJson(response, 200, control.status());
}

/** Browsers leave out the port that goes without saying. */
function hostsOf(port: number): ReadonlySet<string> {
  const names = ["127.0.0.1", "localhost"];
  return new Set([...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])]);
}

function isAuthorized(request: IncomingMessage, digest: Buffer): boolean {
  const [scheme, given] = (request.headers.authorization ?? "").split(" ", 2);
  return scheme === "Bearer" && given !== undefined && timingSafeEqual(sha256(given), digest);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    parts.push(part);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    return undefined;
  }
}

function sendPage(response: ServerResponse): void {
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(PAGE);
}

/** Only the script and the style that the page itself holds. */
const PAGE_POLICY = [
  "default-src 'none'",
  `script-src '${inlineHash("script")}'`,
  `style-src '${inlineHash("style")}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function inlineHash(tag: "script" | "style"): string {
  const text = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(PAGE.toString("utf8"))?.[1] ?? "";
  return `sha256-${sha256(text).toString("base64")}`;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: { message } });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const problem = cause.code === "EADDRINUSE" ? `port ${port} is in use` : (cause.code ?? "error");
      const message = `The status page cannot be served: ${problem}. Choose another status_page.port, or 0 for any.`;
      reject(new AgentError("config_invalid", message, { cause }));
    };
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", failed);
      resolve();
    });
  });
}

export interface StatusPageOptions {
  readonly dataDir: string;
  /** The agent's name. */
  readonly name: string;
  readonly statusPage: { readonly enabled: boolean /** On loopback; 0 = any. */; readonly port: number };
}

/** Serves the owner's page and names it in the run file, unless the owner has switched it off. */
export async function openStatusPage(
  { dataDir, name, statusPage }: StatusPageOptions,
  control: AgentControl,
  log: Logger,
): Promise<AsyncDisposable> {
  if (!statusPage.enabled) return { [Symbol.asyncDispose]: async () => {} };
  const server = await startStatusServer(control, statusPage.port, log);
  const { url, token } = server;
  let file: Disposable;
  try {
    file = writeRunFile(dataDir, name, { pid: process.pid, url, token });
  } catch (error) {
    await server.close();
    throw error;
  }
  log.info({ url }, "status page");
  return {
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]();
      await server.close();
    },
  };
}
