import { keyIdOf, type PreparedPublicKey, preparePublicKey } from "@hearth/e2e";
import { decodeBase64url } from "./base64url.js";
import { SealedTransportError } from "./error.js";
import { readText } from "./read-text.js";

/** A key that requests are sealed to. */
export interface CoordinatorKey {
  readonly keyId: string;
  readonly publicKey: PreparedPublicKey;
}

/** Where the key comes from. */
export interface KeySource {
  /** @throws SealedTransportError `key_unavailable`, `key_not_pinned`; the signal's reason */
  get(signal: AbortSignal | null): Promise<CoordinatorKey>;
  /**
   * The coordinator did not know this key: the next `get` fetches another.
   *
   * @returns false where there can be no other
   */
  discard(keyId: string): boolean;
}

/** The key of these 32 bytes; nothing is fetched. */
export function fixedKey(publicKey: string | Uint8Array): KeySource {
  const bytes = typeof publicKey === "string" ? decodeBase64url(publicKey) : publicKey;
  if (bytes === undefined || bytes.length !== 32) {
    throw new SealedTransportError("key_unavailable", "A public key has 32 bytes, in base64url where it is text.");
  }
  const key = { keyId: keyIdOf(bytes), publicKey: preparePublicKey(bytes) };
  return { get: async () => key, discard: () => false };
}

export interface FetchedKeyOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  /** Any other key is refused. */
  readonly expectedKeyIds: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The longest that a fetched key is used before it is asked for again, ms. Old keys are accepted for a day more. */
const MAX_KEPT_MS = 3_600_000;
/** Bytes of the key's description at most. */
const MAX_DESCRIPTION_BYTES = 16 * 1024;

interface KeptKey {
  readonly key: CoordinatorKey;
  readonly until: number;
}

/** The key that the coordinator announces, fetched when it is first needed and again when it is due or discarded. */
export function fetchedKey(options: FetchedKeyOptions): KeySource {
  let kept: KeptKey | undefined;
  return {
    async get(signal) {
      if (kept !== undefined && options.now() < kept.until) return kept.key;
      const fresh = await fetchKey(options, kept !== undefined, signal);
      kept = fresh;
      return fresh.key;
    },
    discard(keyId) {
      // Another request may have fetched the new one already.
      if (kept?.key.keyId === keyId) kept = { key: kept.key, until: 0 };
      return true;
    },
  };
}

/** @param again whether what a cache kept would be the very key that is to be replaced */
async function fetchKey(options: FetchedKeyOptions, again: boolean, signal: AbortSignal | null): Promise<KeptKey> {
  const description = await fetchDescription(options, again, signal);
  const bytes = typeof description.public_key === "string" ? decodeBase64url(description.public_key) : undefined;
  if (description.format !== "hearth-sealed/1" || bytes?.length !== 32) {
    throw new SealedTransportError(
      "key_unavailable",
      "The coordinator announces no key of the format hearth-sealed/1.",
    );
  }
  const keyId = keyIdOf(bytes);
  if (description.key_id !== keyId) {
    throw new SealedTransportError("key_unavailable", "The coordinator's key does not have the id that it is given.");
  }
  if (options.expectedKeyIds?.includes(keyId) === false) {
    throw new SealedTransportError("key_not_pinned", "The coordinator's key is none of those that are expected.");
  }
  return { key: { keyId, publicKey: preparePublicKey(bytes) }, until: options.now() + MAX_KEPT_MS };
}

type Description = Readonly<Partial<Record<"format" | "key_id" | "public_key", unknown>>>;

async function fetchDescription(
  options: FetchedKeyOptions,
  again: boolean,
  signal: AbortSignal | null,
): Promise<Description> {
  // Browsers have a cache that may hold the old key; Node's own types do not know of it.
  const init: RequestInit & { readonly cache: string } = {
    cache: again ? "reload" : "default",
    redirect: "error",
    signal,
  };
  try {
    const response = await options.fetch(options.url, init);
    const text = await readText(response, MAX_DESCRIPTION_BYTES);
    if (response.status !== 200 || text === undefined) throw new Error(`HTTP status ${response.status}`);
    return (JSON.parse(text) as Description | null) ?? {};
  } catch (cause) {
    signal?.throwIfAborted();
    throw new SealedTransportError("key_unavailable", "The coordinator's key could not be fetched.", { cause });
  }
}
