import { SealedTransportError } from "./error.js";

/** The routes whose bodies are sealed. */
const SEALED_PATHS: ReadonlySet<string> = new Set([
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/responses/compact",
  "/v1/messages",
  "/v1/embeddings",
]);

/** What becomes of a request: it is sealed for its route, or holds nothing that needs it. */
export type Routing = { readonly type: "sealed"; readonly path: string } | { readonly type: "open" };

/** The coordinator's own address, of the address that SDKs are given: with `/v1` or without. */
export function rootOf(baseUrl: string): URL {
  const root = new URL(baseUrl);
  root.pathname = root.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  root.search = "";
  root.hash = "";
  return root;
}

/** The address of a route, path from `/v1` on. */
export function addressOf(root: URL, path: string): string {
  return `${root.origin}${prefixOf(root)}${path}`;
}

/**
 * Decides over a request by its address, method and whether it has a body.
 *
 * @throws SealedTransportError `foreign_url`; `unsealable_request` for a body that nobody could open
 */
export function route(root: URL, request: Request): Routing {
  const url = new URL(request.url);
  const prefix = prefixOf(root);
  if (url.origin !== root.origin || !url.pathname.startsWith(`${prefix}/`)) {
    throw new SealedTransportError("foreign_url", "This address is not the coordinator's that the key is of.");
  }
  if (request.method === "GET" || request.method === "HEAD") return { type: "open" };
  const path = url.pathname.slice(prefix.length);
  if (request.method !== "POST" || !SEALED_PATHS.has(path)) {
    throw new SealedTransportError(
      "unsealable_request",
      `The coordinator opens nothing sealed at ${request.method} ${path}.`,
    );
  }
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type) || request.headers.has("content-encoding")) {
    throw new SealedTransportError("unsealable_request", "Only JSON that is not compressed can be sealed.");
  }
  return { type: "sealed", path };
}

/** What stands before `/v1` where the coordinator is behind a proxy. */
function prefixOf(root: URL): string {
  return root.pathname === "/" ? "" : root.pathname;
}
