import { createHash } from "node:crypto";

/** 128 bits: nobody finds two things with the same by chance. */
const DIGEST_BYTES = 16;

/**
 * A name for texts from which they cannot be read: 22 characters, the same for the same texts in this order, however
 * they would read if they were joined.
 */
export function digestOf(...texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest().subarray(0, DIGEST_BYTES).toString("base64url");
}
