import { defaultPrimitives } from "#default-primitives";
import type { PreparedPublicKey, Primitives, PrivateKeyHandle } from "./primitives.js";

/** A provider's encryption key. */
export interface EncryptionKeyPair {
  /** The first 16 characters of the base64url of SHA-256(public key). */
  readonly keyId: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: PrivateKeyHandle;
}

/** A fresh key pair. */
export function generateKeyPair(primitives: Primitives = defaultPrimitives): EncryptionKeyPair {
  return keyPairOf(primitives.generatePrivateKey(), primitives);
}

/**
 * The key pair of a stored private key. The caller's bytes are copied, and are the caller's to wipe.
 *
 * @throws E2eError `invalid_key` unless there are 32 bytes
 */
export function importKeyPair(privateKey: Uint8Array, primitives: Primitives = defaultPrimitives): EncryptionKeyPair {
  return keyPairOf(primitives.importPrivateKey(privateKey), primitives);
}

/**
 * Readies a public key for many calls of `sealRequest`.
 *
 * @throws E2eError `invalid_key` unless there are 32 bytes
 */
export function preparePublicKey(publicKey: Uint8Array, primitives: Primitives = defaultPrimitives): PreparedPublicKey {
  return primitives.preparePublicKey(publicKey);
}

/** The id of a public key: the first 16 characters of the base64url of its SHA-256. */
export function keyIdOf(publicKey: Uint8Array, primitives: Primitives = defaultPrimitives): string {
  // 12 bytes make exactly 16 characters, without padding.
  const start = primitives.sha256(publicKey).subarray(0, 12);
  return btoa(String.fromCharCode(...start))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

function keyPairOf(privateKey: PrivateKeyHandle, primitives: Primitives): EncryptionKeyPair {
  const { publicKey } = privateKey;
  return { keyId: keyIdOf(publicKey, primitives), publicKey, privateKey };
}
