import { E2eError } from "./error.js";
import { AEAD_KEY_BYTES, KEY_BYTES, NONCE_BYTES } from "./primitives.js";

/**
 * A copy of a raw X25519 key, which later writes by the caller cannot change.
 *
 * @throws E2eError `invalid_key` unless there are 32 bytes
 */
export function copyKey(raw: Uint8Array): Uint8Array {
  if (raw.length !== KEY_BYTES) throw new E2eError("invalid_key", "an X25519 key has 32 bytes");
  return Uint8Array.from(raw);
}

/** @throws E2eError `invalid_argument` unless the sizes are ChaCha20-Poly1305's; OpenSSL would take shorter nonces */
export function checkAead(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== AEAD_KEY_BYTES || nonce.length !== NONCE_BYTES) {
    throw new E2eError("invalid_argument", "ChaCha20-Poly1305 takes a key of 32 and a nonce of 12 bytes");
  }
}
