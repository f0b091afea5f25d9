import type { IncomingHttpHeaders } from "node:http";
import type { Credentials } from "../platform/credentials.js";
import { HearthError } from "../platform/errors.js";

/**
 * The account behind a request: `Authorization: Bearer …`, or `x-api-key`.
 *
 * @throws HearthError `invalid_api_key`
 */
export function authenticate(headers: IncomingHttpHeaders, credentials: Credentials): string {
  const secret = secretOf(headers);
  if (secret === undefined) {
    throw new HearthError("invalid_api_key", "No API key: send it as 'Authorization: Bearer …'.");
  }
  const account = credentials.accountOf(secret);
  if (account === undefined) throw new HearthError("invalid_api_key", "This API key is not valid.");
  return account;
}

/** The key that a request comes with, good or bad. */
export function secretOf(headers: IncomingHttpHeaders): string | undefined {
  return bearer(headers.authorization) ?? single(headers["x-api-key"]);
}

function bearer(header: string | undefined): string | undefined {
  return header?.slice(0, 7).toLowerCase() === "bearer " ? header.slice(7).trim() : undefined;
}

const single = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : undefined;
