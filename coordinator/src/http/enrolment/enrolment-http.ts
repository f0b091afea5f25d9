import type { IncomingMessage } from "node:http";
import type { Principals } from "../../accounts/resolution.js";
import { HearthError } from "../../platform/errors.js";
import type { Logger } from "../../platform/logger.js";
import type { MachineDeps } from "./machine-routes.js";

export interface EnrolmentHttpDeps extends MachineDeps {
  /** Keys of accounts: for the page and `/v1`. */
  readonly principals: Principals;
  readonly log: Logger;
  /** Somebody could not sign in on the page. */
  readonly signInRefused: () => void;
  /** Where browsers and machines reach this coordinator, like `https://hearth.example`; absent = as each request says. */
  readonly publicUrl?: string | undefined;
  /** Where a request comes from, for limits and for the owner's eyes. */
  readonly addressOf: (incoming: IncomingMessage) => string;
}

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?$/;

/**
 * The origin under which the other side reaches this coordinator. What a request says of it goes only back to where the
 * request came from, so it may say what it likes.
 *
 * @throws HearthError `invalid_request` for a Host that is none
 */
export function originOf(incoming: IncomingMessage, { publicUrl }: Pick<EnrolmentHttpDeps, "publicUrl">): string {
  if (publicUrl !== undefined) return new URL(publicUrl).origin;
  const { host = "" } = incoming.headers;
  if (!HOST.test(host)) throw new HearthError("invalid_request", "The Host header names no host.");
  return `${isForwardedFromHttps(incoming) ? "https" : "http"}://${host}`;
}

function isForwardedFromHttps({ headers }: IncomingMessage): boolean {
  const forwarded = headers["x-forwarded-proto"];
  return typeof forwarded === "string" && forwarded.split(",", 1)[0]?.trim().toLowerCase() === "https";
}
