import type { PreparedPublicKey, Primitives, PrivateKeyHandle } from "@hearth/e2e";

const KEY_BYTES = 32;
const TAG_BYTES = 16;

/**
 * Primitives that hide nothing and cost next to nothing, under the real sealing: what a chunk is bound to (key, nonce,
 * associated data, bytes) is still checked, so that replays, gaps, cuts and flipped bits are refused as ever.
 */
export function createNullPrimitives(): Primitives {
  let keys = 0;
  return {
    name: "node",
    randomBytes: (length) => spread(++keys, length),
    generatePrivateKey: () => nullKey(spread(++keys, KEY_BYTES)),
    importPrivateKey: (raw) => nullKey(Uint8Array.from(raw)),
    preparePublicKey: (raw) => ({ bytes: raw }),
    sha256: (data) => spread(checksum(data, 1), KEY_BYTES),
    hmacSha256: (key, ...parts) =>
      spread(
        parts.reduce((hash, part) => checksum(part, hash), checksum(key, 2)),
        KEY_BYTES,
      ),
    encryptInPlace(key, nonce, aad, buffer) {
      const end = buffer.length - TAG_BYTES;
      writeTag(buffer, end, tagOf(key, nonce, aad, buffer.subarray(0, end)));
    },
    decrypt(key, nonce, aad, ciphertext) {
      const end = ciphertext.length - TAG_BYTES;
      if (end < 0) return undefined;
      const plaintext = ciphertext.slice(0, end);
      const expected = new Uint8Array(TAG_BYTES);
      writeTag(expected, 0, tagOf(key, nonce, aad, plaintext));
      for (let at = 0; at < TAG_BYTES; at++) if (expected[at] !== ciphertext[end + at]) return undefined;
      return plaintext;
    },
  };
}

/** Public and private key are the same bytes; both ends agree on the sum of the two. */
function nullKey(bytes: Uint8Array): PrivateKeyHandle {
  return {
    publicKey: bytes,
    agree: (peer: PreparedPublicKey) => bytes.map((byte, at) => (byte ^ (peer.bytes[at] as number)) | 1),
    erase: () => {},
  };
}

function tagOf(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array): number {
  return checksum(bytes, checksum(aad, checksum(nonce, checksum(key, 3))));
}

/** FNV-1a, so that every single changed byte shows. */
function checksum(bytes: Uint8Array, start: number): number {
  let hash = 0x811c9dc5 ^ start;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash ^ bytes.length;
}

function spread(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 0x19660d) + 0x3c6ef35f) | 0;
    out[at] = state >>> 24;
  }
  return out;
}

function writeTag(out: Uint8Array, at: number, hash: number): void {
  for (let index = 0; index < TAG_BYTES; index++) out[at + index] = hash >>> ((index % 4) * 8);
}
