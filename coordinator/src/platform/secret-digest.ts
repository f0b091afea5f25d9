import { hash } from "node:crypto";

/**
 * The SHA-256 of a secret, hex, which is stored and compared in its place. The duration of a look-up by digest tells
 * nothing about the secret, since the digest of a guess cannot be chosen. The secrets are too random to need salt.
 */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "hex");
}
