/**
 * A machine's identity as people compare it: the first 80 of its 256 bits, like `3F2A-91BC-04D5-66E0-7A18`.
 *
 * @param identity 32 bytes as unpadded base64url
 */
export function fingerprintOf(identity: string): string {
  const hex = Buffer.from(identity, "base64url").toString("hex", 0, 10).toUpperCase();
  return hex.replace(/.{4}(?=.)/g, "$&-");
}
