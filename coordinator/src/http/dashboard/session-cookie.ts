import type { IncomingHttpHeaders } from "node:http";
import { parse, serialize } from "hono/utils/cookie";

const COOKIE = "hearth_session";

/**
 * What the page says of itself with every request. No page of another origin can: a header beside the simple ones is asked
 * for first (Fetch standard, §4.8), and no answer here lets cookies go with it.
 */
const PAGE = "hearth-dashboard";

/** Whether a request comes from our own page, as far as a browser lets others not say so. */
export function isFromPage(headers: IncomingHttpHeaders): boolean {
  if (headers["x-requested-with"] !== PAGE) return false;
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin";
}

/** The session that a request of the page belongs to, good or bad. */
export function sessionOf(headers: IncomingHttpHeaders): string | undefined {
  return headers.cookie !== undefined && isFromPage(headers) ? parse(headers.cookie, COOKIE)[COOKIE] : undefined;
}

/**
 * @param id empty = the browser is to forget it
 * @param secure whether the page is reached by HTTPS
 */
export function sessionCookie(id: string, maxAgeSeconds: number, secure: boolean): string {
  return serialize(COOKIE, id, { path: "/", httpOnly: true, sameSite: "Strict", maxAge: maxAgeSeconds, secure });
}

const LOG_IN_COOKIE = "hearth_log_in";

/** Whoever comes back from the identity provider must be the browser that was sent there. */
export function logInOf({ cookie }: IncomingHttpHeaders): string | undefined {
  return cookie === undefined ? undefined : parse(cookie, LOG_IN_COOKIE)[LOG_IN_COOKIE];
}

/**
 * It comes along from another site's page, as people come back from one.
 *
 * @param id empty = the browser is to forget it
 */
export function logInCookie(id: string, maxAgeSeconds: number, secure: boolean): string {
  const path = "/dashboard/oidc";
  return serialize(LOG_IN_COOKIE, id, { path, httpOnly: true, sameSite: "Lax", maxAge: maxAgeSeconds, secure });
}
