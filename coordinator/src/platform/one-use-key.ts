import { createCipheriv, createDecipheriv } from "node:crypto";

const CIPHER = "aes-256-gcm";
const TAG_BYTES = 16;
/** Constant, because each key seals only one text. */
const NONCE = Buffer.alloc(12);

/**
 * Seals something that is stored for the holder of the key.
 *
 * @param key 32 bytes that must never seal anything else
 * @param plain parts, which are joined in this order
 * @returns `ciphertext | tag (16)`
 */
export function sealOnce(key: Uint8Array, ...plain: readonly Uint8Array[]): Buffer {
  const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
  const sealed = plain.map((each) => cipher.update(each));
  return Buffer.concat([...sealed, cipher.final(), cipher.getAuthTag()]);
}

/** @returns `undefined` if it was not sealed under this key or is damaged */
export function openSealed(key: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) return undefined;
  const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch {
    return undefined;
  }
}
