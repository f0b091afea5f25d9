import { createHash, timingSafeEqual } from "node:crypto";

/** Knows which account a secret (an API key, a provider token) stands for. */
export interface Credentials {
  accountOf(secret: string): string | undefined;
}

/** A secret, or its SHA-256 where only the digest is to be kept. */
export type Credential = { readonly account: string } & ({ readonly secret: string } | { readonly sha256: string });

/**
 * Credentials from configuration. All entries are compared, by digest and in constant time, so that the duration of a
 * look-up does not tell how close a guess was.
 */
export function createCredentials(entries: readonly Credential[]): Credentials {
  const digests = entries.map((entry) => ({
    digest: "secret" in entry ? sha256(entry.secret) : Buffer.from(entry.sha256, "hex"),
    account: entry.account,
  }));
  return {
    accountOf(secret) {
      const digest = sha256(secret);
      let account: string | undefined;
      for (const entry of digests) if (timingSafeEqual(entry.digest, digest)) account = entry.account;
      return account;
    },
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
