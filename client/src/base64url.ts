// Written out, because `btoa` and `atob` know only strings and Node's are slow: ten times the cost for 16 KiB.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const INVALID = 0xff;
const VALUES = new Uint8Array(128).fill(INVALID);
for (const [value, code] of CODES.entries()) VALUES[code] = value;

const ascii = new TextDecoder();

/** Base64url without padding (RFC 4648 §5). */
export function encodeBase64url(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  for (let at = 0, out = 0; at < bytes.length; at += 3, out += 4) {
    const group = (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
    // What a last, shorter group has too much falls outside the array.
    codes[out] = byteAt(CODES, group >>> 18);
    codes[out + 1] = byteAt(CODES, (group >>> 12) & 63);
    codes[out + 2] = byteAt(CODES, (group >>> 6) & 63);
    codes[out + 3] = byteAt(CODES, group & 63);
  }
  return ascii.decode(codes);
}

/** @returns the bytes, or `undefined` when the text is not base64url without padding */
export function decodeBase64url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let group = 0;
  let bits = 0;
  let out = 0;
  for (let at = 0; at < text.length; at++) {
    const value = VALUES[text.charCodeAt(at)] ?? INVALID;
    if (value === INVALID) return undefined;
    group = ((group << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[out++] = group >>> bits;
  }
  return bytes;
}

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
