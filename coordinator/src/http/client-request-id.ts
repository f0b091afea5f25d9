import type { ServerResponse } from "node:http";

/** What a caller may call its request: visible ASCII, so that it stands in one word in logs. */
const CLIENT_ID = /^[!-~]{1,128}$/;

/** @returns the caller's own id of a request, from `X-Request-Id`; `undefined` where that is absent or not well formed */
export function clientRequestIdOf(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && CLIENT_ID.test(header) ? header : undefined;
}

/** Tells the caller its own id back where every other service does, and ours beside it. */
export function echoClientId(response: ServerResponse, clientId: string | undefined, id: string): void {
  if (clientId === undefined) return;
  response.setHeader("X-Request-Id", clientId);
  response.setHeader("X-Hearth-Request-Id", id);
}
