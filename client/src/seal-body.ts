import { type Padding, type ResponseOpener, sealRequest } from "@hearth/e2e";
import { encodeBase64url } from "./base64url.js";
import type { CoordinatorKey } from "./coordinator-key.js";

/** Content type of a sealed body. */
export const SEALED_TYPE = "application/hearth-sealed+json";

/** Plaintext bytes of one chunk at most. */
const CHUNK_BYTES = 256 * 1024;
const ID_BYTES = 16;

/** A sealed body, and what opens its answer. */
export interface SealedBody {
  readonly text: string;
  readonly answer: ResponseOpener;
}

/** Seals a body for a route, under a key of its own: sealing it again makes another request of it. */
export function sealBody(key: CoordinatorKey, path: string, body: Uint8Array, padding: Padding): SealedBody {
  const id = encodeBase64url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  const binding = { requestId: id, attemptId: `POST ${path}` };
  const sealer = sealRequest({ publicKey: key.publicKey, binding, padding });
  const chunks: string[] = [];
  for (let at = 0; at === 0 || at < body.length; at += CHUNK_BYTES) {
    const final = at + CHUNK_BYTES >= body.length;
    chunks.push(encodeBase64url(sealer.seal(body.subarray(at, at + CHUNK_BYTES), final)));
  }
  const encapsulated_key = encodeBase64url(sealer.encapsulatedKey);
  return { text: JSON.stringify({ v: 1, key_id: key.keyId, encapsulated_key, id, chunks }), answer: sealer.response };
}
