import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { randomBytes } from "@noble/hashes/utils.js";
import { E2eError } from "./error.js";
import { type PreparedPublicKey, type Primitives, type PrivateKeyHandle, TAG_BYTES } from "./primitives.js";
import { checkAead, copyKey } from "./validate.js";

class NoblePrivateKey implements PrivateKeyHandle {
  readonly publicKey: Uint8Array;
  #key: Uint8Array | undefined;

  /** Takes ownership of `key`. */
  constructor(key: Uint8Array) {
    this.publicKey = x25519.getPublicKey(key);
    this.#key = key;
  }

  agree(peer: PreparedPublicKey): Uint8Array {
    if (this.#key === undefined) throw new E2eError("key_erased", "the private key was erased");
    try {
      return x25519.getSharedSecret(this.#key, peer.bytes);
    } catch (cause) {
      throw new E2eError("invalid_key", "the public key is a low-order point", { cause });
    }
  }

  erase(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }
}

/** `Primitives` in plain JavaScript, for browsers and every other runtime. They need `crypto.getRandomValues`. */
export const noblePrimitives: Primitives = {
  name: "noble",

  randomBytes(length: number): Uint8Array {
    return randomBytes(length);
  },

  generatePrivateKey(): PrivateKeyHandle {
    return new NoblePrivateKey(x25519.utils.randomSecretKey());
  },

  importPrivateKey(raw: Uint8Array): PrivateKeyHandle {
    return new NoblePrivateKey(copyKey(raw));
  },

  preparePublicKey(raw: Uint8Array): PreparedPublicKey {
    return { bytes: copyKey(raw) };
  },

  sha256(data: Uint8Array): Uint8Array {
    return sha256(data);
  },

  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    const state = hmac.create(sha256, key);
    for (const part of parts) state.update(part);
    return state.digest();
  },

  encryptInPlace(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, buffer: Uint8Array): void {
    checkAead(key, nonce);
    chacha20poly1305(key, nonce, aad).encrypt(buffer.subarray(0, buffer.length - TAG_BYTES), buffer);
  },

  decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    checkAead(key, nonce);
    if (ciphertext.length < TAG_BYTES) return undefined;
    try {
      return chacha20poly1305(key, nonce, aad).decrypt(ciphertext);
    } catch {
      return undefined;
    }
  },
};
