import { randomBytes, randomFillSync } from "node:crypto";

// One system call fills ids for 256 requests; each id is 16 of these bytes, used once.
const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

/** An id of 128 random bits behind a prefix. */
export function randomId(prefix: string): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += 16;
  return prefix + pool.toString("base64url", start, used);
}

/** This many secret random bytes as unpadded base64url. */
export const randomText = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** A secret of 192 random bits, with a prefix that tells people and scanners what it is. */
export const newSecret = (prefix: string): string => prefix + randomText(24);
