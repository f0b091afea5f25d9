import type { Padding, ResponseOpener } from "@hearth/e2e";
import { fetchedKey, fixedKey, type KeySource } from "./coordinator-key.js";
import { SealedTransportError } from "./error.js";
import { openStream } from "./open-stream.js";
import { openWhole } from "./open-whole.js";
import { readText } from "./read-text.js";
import { SEALED_TYPE, sealBody } from "./seal-body.js";
import { addressOf, rootOf, route } from "./sealing-route.js";

/** Bytes of a sealed answer at most. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

export interface SealedFetchOptions {
  /** The coordinator's address, as SDKs are given it: with `/v1` or without. */
  readonly baseUrl: string;
  /** What carries the sealed requests. */
  readonly fetch?: typeof fetch;
  /** Whether the sizes of requests are rounded up. The coordinator always rounds those of answers. */
  readonly padding?: Padding;
  /** The keys that are accepted, by id, where they are known from elsewhere. */
  readonly expectedKeyIds?: readonly string[];
  /** The key, where it is known from elsewhere: 32 bytes, or their base64url. It is not fetched then. */
  readonly publicKey?: string | Uint8Array;
}

/**
 * A `fetch` for SDKs that seals what they send to a Hearth coordinator and opens what comes back. Nothing with a body
 * is ever sent in the open: what cannot be sealed is refused. Requests without a body (lists of models) go as they are.
 *
 * It rejects with SealedTransportError, and with whatever the `fetch` below rejects with. Bodies of answers fail with
 * SealedTransportError when they were cut short or altered.
 *
 * @throws SealedTransportError `key_unavailable` for a public key that is none; TypeError for an address that is none
 */
export function createSealedFetch(options: SealedFetchOptions): typeof fetch {
  const { baseUrl, padding = "buckets", expectedKeyIds, publicKey } = options;
  const carry: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const root = rootOf(baseUrl);
  const keys: KeySource =
    publicKey === undefined
      ? fetchedKey({ url: addressOf(root, "/v1/encryption-key"), fetch: carry, expectedKeyIds, now: () => Date.now() })
      : fixedKey(publicKey);
  return async (input, init) => {
    const request = new Request(input, init);
    // Not the request's own signal: in Node nothing but the request keeps that one alive.
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    const routing = route(root, request);
    if (routing.type === "open") return carry(input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    // Options that are none of the platform's (a dispatcher, an agent) are for whoever carries it.
    const exchange = { carry, keys, request, init: init ?? {}, signal, path: routing.path, body, padding };
    const first = await send(exchange);
    return first.type === "answered" ? first.response : (await send(exchange)).response;
  };
}

interface Exchange {
  readonly carry: typeof fetch;
  readonly keys: KeySource;
  readonly request: Request;
  readonly init: RequestInit;
  readonly signal: AbortSignal | null;
  readonly path: string;
  readonly body: Uint8Array;
  readonly padding: Padding;
}

/** How a sending ended: with an answer, or with word that there is another key by now. */
type Sent = { readonly type: "answered" | "wrong_key"; readonly response: Response };

async function send({ carry, keys, request, init, signal, path, body, padding }: Exchange): Promise<Sent> {
  const key = await keys.get(signal);
  const sealed = sealBody(key, path, body, padding);
  const headers = new Headers(request.headers);
  headers.set("content-type", SEALED_TYPE);
  headers.delete("content-length");
  const response = await carry(request.url, { ...init, method: "POST", headers, body: sealed.text, signal });
  if (isSealed(response)) return { type: "answered", response: await openAnswer(sealed.answer, response) };
  if (response.ok) {
    await response.body?.cancel();
    throw new SealedTransportError("unsealed_answer", "The answer was not sealed.");
  }
  // Refused before the coordinator, or anybody before it, could open it: in the open, and nothing to be relied on.
  const wrongKey = await saysWrongKey(response);
  return { type: wrongKey && keys.discard(key.keyId) ? "wrong_key" : "answered", response };
}

function typeOf(response: Response): string {
  return response.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isSealed(response: Response): boolean {
  return typeOf(response) === SEALED_TYPE || (response.status === 200 && typeOf(response) === "text/event-stream");
}

async function openAnswer(answer: ResponseOpener, response: Response): Promise<Response> {
  const { status, statusText } = response;
  const headers = new Headers(response.headers);
  // They are those of the sealed form.
  for (const name of ["content-length", "content-encoding"]) headers.delete(name);
  if (typeOf(response) === "text/event-stream") {
    if (response.body === null) throw new SealedTransportError("truncated_answer", "The answer has no body.");
    return new Response(response.body.pipeThrough(openStream(answer, status)), { status, statusText, headers });
  }
  const text = await readText(response, MAX_ANSWER_BYTES);
  if (text === undefined) throw new SealedTransportError("malformed_answer", "The answer is larger than any can be.");
  const { contentType, body } = openWhole(answer, status, text);
  headers.set("content-type", contentType);
  return new Response(new Uint8Array(body), { status, statusText, headers });
}

type Refusal = {
  readonly error?: { readonly code?: unknown; readonly details?: { readonly error_code?: unknown } | null } | null;
} | null;

/** Both of these mean that the request was not opened, and that the coordinator has another key. */
const WRONG_KEY: readonly unknown[] = ["sealed_wrong_key", "sealed_expired"];

async function saysWrongKey(response: Response): Promise<boolean> {
  if (response.status !== 400 || typeOf(response) !== "application/json") return false;
  try {
    const { error } = ((await response.clone().json()) as Refusal) ?? {};
    return WRONG_KEY.includes(error?.code) || WRONG_KEY.includes(error?.details?.error_code);
  } catch {
    return false;
  }
}
