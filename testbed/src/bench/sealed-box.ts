import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";

// The sealed floor's encryption: the primitives of @hearth/e2e and nothing of its protocol (no HPKE key schedule, no
// bound identities, no padding). Do not use it for anything but measuring.

const CIPHER = "chacha20-poly1305";
const TAG_BYTES = 16;
const TAG = { authTagLength: TAG_BYTES };

/** Raw X25519 public keys, bytes. */
export const RAW_KEY_BYTES = 32;

/** As it is documented; the type definitions lack the JWK encoding. */
const generateJwkKeyPair = generateKeyPairSync as unknown as (
  type: "x25519",
  options: { publicKeyEncoding: { format: "jwk" } },
) => { privateKey: KeyObject; publicKey: JsonWebKey };

/**
 * A fresh X25519 key pair and the public key as it travels. `export` of a generated key would do the same, and block
 * Node 20 for good about once in 100,000 calls: it allocates while it holds the mutex that the destructor of the
 * generation job takes when that allocation collects garbage.
 */
export function freshKey(): { readonly privateKey: KeyObject; readonly raw: Buffer } {
  const { privateKey, publicKey } = generateJwkKeyPair("x25519", { publicKeyEncoding: { format: "jwk" } });
  return { privateKey, raw: Buffer.from(publicKey.x as string, "base64url") };
}

/** The other side's public key. */
export function importRaw(raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x: raw.toString("base64url") }, format: "jwk" });
}

/** Key and base nonce of one direction. */
export interface Direction {
  readonly key: Buffer;
  readonly nonce: Buffer;
}

/** Both directions of one exchange. */
export function agree(privateKey: KeyObject, publicKey: KeyObject): { request: Direction; response: Direction } {
  const keys = Buffer.from(hkdfSync("sha256", diffieHellman({ privateKey, publicKey }), "", "sealed floor", 88));
  return {
    request: { key: keys.subarray(0, 32), nonce: keys.subarray(64, 76) },
    response: { key: keys.subarray(32, 64), nonce: keys.subarray(76, 88) },
  };
}

/** `header`, then `plaintext` sealed with the header as its AAD. */
export function seal(direction: Direction, seq: number, header: Buffer, plaintext: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, direction.key, nonceOf(direction, seq), TAG);
  cipher.setAAD(header, { plaintextLength: plaintext.length });
  const sealed = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([header, sealed, cipher.getAuthTag()]);
}

/** @throws for anything that `seal` did not make with this header and sequence number */
export function open(direction: Direction, seq: number, header: Buffer, sealed: Buffer): Buffer {
  const length = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, direction.key, nonceOf(direction, seq), TAG);
  decipher.setAAD(header, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = decipher.update(sealed.subarray(0, length));
  decipher.final();
  return plaintext;
}

function nonceOf(direction: Direction, seq: number): Buffer {
  const nonce = Buffer.from(direction.nonce);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ seq) >>> 0, 8);
  return nonce;
}
