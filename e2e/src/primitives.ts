// RFC 9180 §7: the sizes of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305, in bytes.

/** X25519 public keys, private keys and shared secrets. */
export const KEY_BYTES = 32;
/** SHA-256 digests. */
export const HASH_BYTES = 32;
/** ChaCha20-Poly1305 keys. */
export const AEAD_KEY_BYTES = 32;
/** ChaCha20-Poly1305 nonces. */
export const NONCE_BYTES = 12;
/** Poly1305 tags. */
export const TAG_BYTES = 16;

/** A public key in the form its primitives compute with. Prepare a key once when it serves many requests. */
export interface PreparedPublicKey {
  /** The 32 bytes as they travel; nobody writes to them. */
  readonly bytes: Uint8Array;
}

/** An X25519 private key. Its bytes stay with the primitives that made it. */
export interface PrivateKeyHandle {
  readonly publicKey: Uint8Array;

  /**
   * X25519 (RFC 7748 §5). A key prepared by other primitives is accepted.
   *
   * @returns 32 fresh bytes, the caller's to wipe
   * @throws E2eError `invalid_key` for a low-order point, `key_erased` after `erase()`
   */
  agree(peer: PreparedPublicKey): Uint8Array;

  /** Overwrites the key where the runtime allows it and drops it everywhere else. Idempotent. */
  erase(): void;
}

/**
 * The cryptographic operations everything else is built of. Two implementations behave alike bit for bit:
 * `nodePrimitives` (`@hearth/e2e/node`) and `noblePrimitives` (`@hearth/e2e/noble`, any runtime).
 * All of them are synchronous and keep no reference to their arguments.
 */
export interface Primitives {
  readonly name: "node" | "noble";

  /** Bytes from the runtime's cryptographic random generator. */
  randomBytes(length: number): Uint8Array;

  generatePrivateKey(): PrivateKeyHandle;

  /** @throws E2eError `invalid_key` unless `raw` has 32 bytes */
  importPrivateKey(raw: Uint8Array): PrivateKeyHandle;

  /** @throws E2eError `invalid_key` unless `raw` has 32 bytes; low-order points are found by `agree` */
  preparePublicKey(raw: Uint8Array): PreparedPublicKey;

  sha256(data: Uint8Array): Uint8Array;

  /** HMAC-SHA-256 over the concatenation of `parts`. */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;

  /**
   * ChaCha20-Poly1305 (RFC 8439) in place: `buffer` is the plaintext and 16 bytes of room, and becomes ciphertext and
   * tag.
   *
   * @throws E2eError `invalid_argument` unless the key has 32 bytes and the nonce 12
   */
  encryptInPlace(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, buffer: Uint8Array): void;

  /**
   * Opens ciphertext ‖ tag.
   *
   * @returns the plaintext in memory of its own, or `undefined` when it is not authentic
   * @throws E2eError `invalid_argument` unless the key has 32 bytes and the nonce 12
   */
  decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}
