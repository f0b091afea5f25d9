import type { IncomingHttpHeaders } from "node:http";
import type { Principal } from "../accounts/principal.js";
import type { Principals, Resolution } from "../accounts/resolution.js";
import { HearthError } from "../platform/errors.js";
import type { Scope } from "../store/account-store.js";
import { sessionOf } from "./dashboard/session-cookie.js";

/**
 * The guard before everything that wants a key: whom a request comes from, by `Authorization: Bearer …`, `x-api-key` or a
 * session of the web page.
 * A promise only where the store has to be asked.
 *
 * @param scopes what the key must be for, one of these; none = whatever it is for
 * @throws HearthError `invalid_api_key`, `account_suspended`, `insufficient_scope`, `service_unavailable`
 */
export function authenticate(
  headers: IncomingHttpHeaders,
  principals: Principals,
  ...scopes: readonly Scope[]
): Principal | Promise<Principal> {
  const secret = secretOf(headers);
  if (secret === undefined) {
    throw new HearthError("invalid_api_key", "No API key: send it as 'Authorization: Bearer …'.");
  }
  const resolved = principals.resolve(secret);
  return resolved instanceof Promise ? resolved.then((late) => admitted(late, scopes)) : admitted(resolved, scopes);
}

function admitted(resolution: Resolution, scopes: readonly Scope[]): Principal {
  switch (resolution.type) {
    case "known":
      return inScope(resolution.principal, scopes);
    case "unknown":
      throw new HearthError("invalid_api_key", "This API key is not valid.");
    case "expired":
      throw new HearthError("invalid_api_key", "This API key has expired.");
    case "signed_out":
      throw new HearthError("invalid_api_key", "You are not signed in any more.");
    case "suspended":
      throw new HearthError("account_suspended", "The account of this API key is suspended.");
    case "unavailable":
      throw new HearthError("service_unavailable", "API keys cannot be looked up now: try again in a moment.");
  }
}

function inScope(principal: Principal, scopes: readonly Scope[]): Principal {
  if (scopes.length === 0 || scopes.some((scope) => principal.scopes.has(scope))) return principal;
  const wanted = scopes.map((scope) => `'${scope}'`).join(" or ");
  throw new HearthError("insufficient_scope", `This API key lacks the scope ${wanted}.`);
}

/** The key that a request comes with, or the session of the web page; good or bad. */
export function secretOf(headers: IncomingHttpHeaders): string | undefined {
  return bearer(headers.authorization) ?? single(headers["x-api-key"]) ?? sessionOf(headers);
}

function bearer(header: string | undefined): string | undefined {
  return header?.slice(0, 7).toLowerCase() === "bearer " ? header.slice(7).trim() : undefined;
}

const single = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : undefined;
