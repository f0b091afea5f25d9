import { createHash } from "node:crypto";

/** 128 bits, so that no two digests are equal by chance. */
const DIGEST_BYTES = 16;

/**
 * A name for a list of texts from which they cannot be read: 22 characters. Lists that would be equal when joined get
 * different names.
 */
export function digestOf(...texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest().subarray(0, DIGEST_BYTES).toString("base64url");
}
