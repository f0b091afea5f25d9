import type { IncomingHttpHeaders } from "node:http";
import { TRUST_LEVELS } from "@hearth/protocol";
import type { Credentials } from "../platform/credentials.js";
import { HearthError } from "../platform/errors.js";
import type { Caller } from "../request/classify.js";
import { authenticate } from "./authenticate.js";

/**
 * Who asks, and what the headers say about how the request is to be served.
 *
 * @throws HearthError `invalid_api_key`; `invalid_request` with the header's name as `param`
 */
export function readCaller(headers: IncomingHttpHeaders, apiKeys: Credentials): Caller {
  return {
    account: authenticate(headers, apiKeys),
    allowlist: allowlistOf(headers["x-hearth-providers"]),
    route: routeOf(headers["x-hearth-route"]),
    minTrust: minTrustOf(headers["x-hearth-min-trust"]),
  };
}

function allowlistOf(header: string | string[] | undefined): Caller["allowlist"] {
  if (typeof header !== "string") return undefined;
  const ids = header.split(",").map((id) => id.trim());
  return new Set(ids.filter((id) => id.length > 0));
}

function minTrustOf(header: string | string[] | undefined): Caller["minTrust"] {
  const level = TRUST_LEVELS.find((each) => each === header);
  if (header === undefined || level !== undefined) return level;
  throw new HearthError("invalid_request", `X-Hearth-Min-Trust must be one of: ${TRUST_LEVELS.join(", ")}.`, {
    param: "X-Hearth-Min-Trust",
  });
}

function routeOf(header: string | string[] | undefined): Caller["route"] {
  switch (header) {
    case undefined:
      return "any";
    case "self":
    case "prefer":
      return header;
    default:
      throw new HearthError("invalid_request", "X-Hearth-Route must be 'self' or 'prefer'.", {
        param: "X-Hearth-Route",
      });
  }
}
