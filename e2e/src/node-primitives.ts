import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { E2eError } from "./error.js";
import { type PreparedPublicKey, type Primitives, type PrivateKeyHandle, TAG_BYTES } from "./primitives.js";
import { checkAead, copyKey } from "./validate.js";

const CIPHER = "chacha20-poly1305";
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES } as const;

/** PKCS #8 (RFC 8410 §7) up to the 32 key bytes. */
const PKCS8_PREFIX: Uint8Array = Buffer.from("302e020100300506032b656e04220420", "hex");

/** As it is documented; the type definitions lack the JWK encoding. */
const generateJwkKeyPair = generateKeyPairSync as unknown as (
  type: "x25519",
  options: { publicKeyEncoding: { format: "jwk" } },
) => { privateKey: KeyObject; publicKey: JsonWebKey };

class NodePublicKey implements PreparedPublicKey {
  readonly bytes: Uint8Array;
  #key: KeyObject | undefined;

  constructor(raw: Uint8Array) {
    this.bytes = copyKey(raw);
  }

  /** Made when it is first used: OpenSSL's form takes 2 kB, and most providers of a large fleet are idle. */
  get key(): KeyObject {
    if (this.#key !== undefined) return this.#key;
    // A JWK is read 15 times faster than DER, which goes through OpenSSL's general decoder.
    const x = Buffer.from(this.bytes).toString("base64url");
    this.#key = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
    return this.#key;
  }
}

class NodePrivateKey implements PrivateKeyHandle {
  readonly publicKey: Uint8Array;
  /** OpenSSL overwrites the bytes when it frees the key; all there is to do here is to let it go. */
  #key: KeyObject | undefined;

  constructor(privateKey: KeyObject, publicJwk: JsonWebKey) {
    this.publicKey = Uint8Array.from(Buffer.from(publicJwk.x as string, "base64url"));
    this.#key = privateKey;
  }

  agree(peer: PreparedPublicKey): Uint8Array {
    if (this.#key === undefined) throw new E2eError("key_erased", "the private key was erased");
    const publicKey = peer instanceof NodePublicKey ? peer.key : new NodePublicKey(peer.bytes).key;
    try {
      return diffieHellman({ privateKey: this.#key, publicKey });
    } catch (cause) {
      throw new E2eError("invalid_key", "the public key is a low-order point", { cause });
    }
  }

  erase(): void {
    this.#key = undefined;
  }
}

/** `Primitives` on node:crypto: the fast ones. */
export const nodePrimitives: Primitives = {
  name: "node",

  randomBytes(length: number): Uint8Array {
    return randomBytes(length);
  },

  generatePrivateKey(): PrivateKeyHandle {
    // The public half is encoded while the key is made. Never export a generated KeyObject afterwards: `export` holds
    // the key's mutex while it allocates, and a collection at that moment that frees the generation job, whose
    // destructor takes the same mutex, blocks the process for good (seen on Node 20, one call in some 100,000).
    const { privateKey, publicKey } = generateJwkKeyPair("x25519", { publicKeyEncoding: { format: "jwk" } });
    return new NodePrivateKey(privateKey, publicKey);
  },

  importPrivateKey(raw: Uint8Array): PrivateKeyHandle {
    const key = copyKey(raw);
    const der = Buffer.concat([PKCS8_PREFIX, key]);
    const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    der.fill(0);
    key.fill(0);
    return new NodePrivateKey(privateKey, createPublicKey(privateKey).export({ format: "jwk" }));
  },

  preparePublicKey(raw: Uint8Array): PreparedPublicKey {
    return new NodePublicKey(raw);
  },

  sha256(data: Uint8Array): Uint8Array {
    return createHash("sha256").update(data).digest();
  },

  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    const hmac = createHmac("sha256", key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  },

  encryptInPlace(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, buffer: Uint8Array): void {
    checkAead(key, nonce);
    const length = buffer.length - TAG_BYTES;
    const cipher = createCipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
    cipher.setAAD(aad, { plaintextLength: length });
    // node:crypto has no output argument, so "in place" costs one copy here.
    buffer.set(cipher.update(buffer.subarray(0, length)));
    cipher.final();
    buffer.set(cipher.getAuthTag(), length);
  },

  decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    checkAead(key, nonce);
    const length = ciphertext.length - TAG_BYTES;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
    decipher.setAAD(aad, { plaintextLength: length });
    decipher.setAuthTag(ciphertext.subarray(length));
    const plaintext = decipher.update(ciphertext.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  },
};
