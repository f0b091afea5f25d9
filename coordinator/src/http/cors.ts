import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { MiddlewareHandler } from "hono";

/** Which web pages may call the API from their visitors' browsers. */
export interface CorsSettings {
  /** Origins as browsers send them (`https://app.example`); `*` = every page; none = no page at all. */
  readonly origins: readonly string[];
  /** How long a browser may go by a preflight's answer, s. */
  readonly maxAgeSeconds: number;
}

/**
 * Every page: who calls needs a key all the same, and no cookie of our own page ever comes from another's. Chromium keeps a preflight's answer
 * for two hours at most.
 */
export const DEFAULT_CORS: CorsSettings = { origins: ["*"], maxAgeSeconds: 7_200 };

/** The methods of the API's routes. */
const METHODS = "GET, HEAD, POST, PATCH, DELETE";

/** What an answer's headers tell that a page could not read otherwise. */
export const EXPOSED_HEADERS: readonly string[] = [
  ...[
    "X-Request-Id",
    "X-Hearth-Request-Id",
    "request-id",
    "X-Provider-Id",
    "X-Provider-Attested",
    "X-Provider-Trust-Level",
  ],
  ...["X-Provider-Encrypted", "X-Provider-Chip", "X-Provider-Version", "X-Provider-Model", "X-Attempts", "X-Timing"],
  ...["X-Receipt-Id", "X-Hearth-Ignored", "X-Hearth-Cost", "X-Hearth-Sealed", "Idempotent-Replayed"],
  ...["Retry-After", "retry-after-ms", "x-should-retry", "X-Hearth-Has-More"],
  ...["requests", "tokens"].flatMap((what) =>
    ["limit", "remaining", "reset"].map((member) => `x-ratelimit-${member}-${what}`),
  ),
];
const EXPOSED = EXPOSED_HEADERS.join(", ");

/**
 * Lets web pages call the routes that it stands before, as `allowPages` does.
 *
 * @param settings read at each use
 */
export function cors(settings: () => CorsSettings): MiddlewareHandler<{ Bindings: HttpBindings }> {
  return async (c, next) => (allowPages(c.env, settings()) ? RESPONSE_ALREADY_SENT : next());
}

/**
 * Lets the page that a request comes from read its answer (Fetch standard, §3.3), without credentials: their scripts send
 * the key themselves. Answers preflights, before anybody asks for a key. Errors carry its headers as well.
 *
 * @returns whether it was a preflight, which has been answered
 */
export function allowPages(
  { incoming, outgoing }: Pick<HttpBindings, "incoming" | "outgoing">,
  { origins, maxAgeSeconds }: CorsSettings,
): boolean {
  if (origins.length === 0) return false;
  const { headers, method } = incoming;
  // What is cached for one page is not for another.
  outgoing.setHeader("Vary", "Origin");
  const allowed = headers.origin === undefined ? undefined : allowedOrigin(headers.origin, origins);
  if (allowed === undefined) return false;
  outgoing.setHeader("Access-Control-Allow-Origin", allowed);
  if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) {
    outgoing.setHeader("Access-Control-Expose-Headers", EXPOSED);
    return false;
  }
  outgoing.writeHead(204, {
    "Access-Control-Allow-Methods": METHODS,
    // Whatever it wants to send: `*` would leave `Authorization` out.
    "Access-Control-Allow-Headers": headers["access-control-request-headers"] ?? "*",
    "Access-Control-Max-Age": String(maxAgeSeconds),
  });
  outgoing.end();
  return true;
}

function allowedOrigin(origin: string, origins: readonly string[]): string | undefined {
  if (origins.includes("*")) return "*";
  return origins.includes(origin) ? origin : undefined;
}
