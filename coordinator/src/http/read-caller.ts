import type { IncomingHttpHeaders } from "node:http";
import { TRUST_LEVELS } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import { HearthError } from "../platform/errors.js";
import type { Caller } from "../request/classify.js";

/** What `X-Hearth-Timeout` may be, seconds. */
export const TIMEOUT_SECONDS = { least: 1, most: 3_600 } as const;
/** What `X-Hearth-Session` may be. */
export const SESSION_PATTERN = "^[ -~]{1,256}$";
const SESSION: RegExp = new RegExp(SESSION_PATTERN);

/**
 * What the SDKs of OpenAI and Anthropic send of their own accord, in seconds: in JavaScript how long the head of the
 * answer may take, cut to whole ones; in Python how long the next byte may.
 */
const SDK_TIMEOUTS = ["x-stainless-timeout", "x-stainless-read-timeout"] as const;

/**
 * Who asks, and what the headers say about how the request is to be served.
 *
 * @throws HearthError `invalid_request` with the header's name as `param`
 */
export function readCaller(
  headers: IncomingHttpHeaders,
  principal: Principal,
  { trace, clientId }: Pick<Caller, "trace" | "clientId"> = {},
): Caller {
  return {
    account: principal.account,
    principal,
    allowlist: allowlistOf(headers["x-hearth-providers"]),
    route: principal.selfRouteOnly ? "self" : routeOf(headers["x-hearth-route"]),
    minTrust: minTrustOf(headers["x-hearth-min-trust"]),
    patienceMs: timeoutOf(headers["x-hearth-timeout"]),
    hangsUpAfterMs: hangsUpAfter(headers),
    session: sessionOf(headers["x-hearth-session"]),
    ...{ trace, clientId },
  };
}

/** When the first of the time-outs is over of which the consumer's SDK tells. */
function hangsUpAfter(headers: IncomingHttpHeaders): number | undefined {
  const waits = SDK_TIMEOUTS.map((name) => sdkTimeoutOf(headers[name])).filter((each) => each !== undefined);
  return waits.length === 0 ? undefined : msOf(Math.min(...waits));
}

const msOf = (seconds: number): number => Math.round(seconds * 1000);

const DECIMAL = /^\d{1,9}(?:\.\d{1,20})?$/;

/**
 * In seconds. A program's own header is no mistake of its user's: what means nothing is passed over, as is 0 (less than
 * a second).
 */
function sdkTimeoutOf(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === "string" && DECIMAL.test(header) ? Number(header) : 0;
  return seconds > 0 ? seconds : undefined;
}

/** In milliseconds. */
function timeoutOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const { least, most } = TIMEOUT_SECONDS;
  const seconds = typeof header === "string" && DECIMAL.test(header) ? Number(header) : Number.NaN;
  if (seconds >= least && seconds <= most) return msOf(seconds);
  throw refusal("X-Hearth-Timeout", `a number of seconds from ${least} to ${most}`);
}

function sessionOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && SESSION.test(header)) return header;
  throw refusal("X-Hearth-Session", "1 to 256 printable ASCII characters");
}

function refusal(param: string, expected: string): HearthError {
  return new HearthError("invalid_request", `${param} must be ${expected}.`, { param });
}

function allowlistOf(header: string | string[] | undefined): Caller["allowlist"] {
  if (typeof header !== "string") return undefined;
  const ids = header.split(",").map((id) => id.trim());
  return new Set(ids.filter((id) => id.length > 0));
}

function minTrustOf(header: string | string[] | undefined): Caller["minTrust"] {
  const level = TRUST_LEVELS.find((each) => each === header);
  if (header === undefined || level !== undefined) return level;
  throw refusal("X-Hearth-Min-Trust", `one of: ${TRUST_LEVELS.join(", ")}`);
}

function routeOf(header: string | string[] | undefined): Caller["route"] {
  switch (header) {
    case undefined:
      return "any";
    case "self":
    case "prefer":
      return header;
    default:
      throw refusal("X-Hearth-Route", "'self' or 'prefer'");
  }
}
