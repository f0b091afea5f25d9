import { E2eError } from "./error.js";
import { HASH_BYTES, type Primitives } from "./primitives.js";

/** HKDF-Extract with SHA-256 (RFC 5869 §2.2); the input keying material is the concatenation of `ikm`. */
export function extract(primitives: Primitives, salt: Uint8Array, ...ikm: readonly Uint8Array[]): Uint8Array {
  return primitives.hmacSha256(salt, ...ikm);
}

/**
 * HKDF-Expand with SHA-256 (RFC 5869 §2.3).
 *
 * @throws E2eError `too_large` over 255 × 32 bytes
 */
export function expand(primitives: Primitives, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > 255 * HASH_BYTES) throw new E2eError("too_large", "HKDF-SHA256 yields at most 8,160 bytes");
  const counter = Uint8Array.of(1);
  let block = primitives.hmacSha256(prk, info, counter);
  if (length <= HASH_BYTES) return block.subarray(0, length);
  const out = new Uint8Array(Math.ceil(length / HASH_BYTES) * HASH_BYTES);
  out.set(block);
  for (let at = HASH_BYTES; at < length; at += HASH_BYTES) {
    counter[0] = at / HASH_BYTES + 1;
    block = primitives.hmacSha256(prk, block, info, counter);
    out.set(block, at);
  }
  return out.subarray(0, length);
}
