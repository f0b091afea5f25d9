import { createHash } from "node:crypto";

/**
 * What is kept and compared in place of a secret: its SHA-256, hex. How long a look-up by digest takes tells nothing of
 * the secret, since nobody can choose a guess's digest. The secrets are random enough to need no salt.
 */
export function secretDigest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
