import { createHash, timingSafeEqual } from "node:crypto";

/** Knows which account a secret (an API key, a provider token) stands for. */
export interface Credentials {
  accountOf(secret: string): string | undefined;
}

export interface Credential {
  readonly secret: string;
  readonly account: string;
}

/**
 * Credentials from configuration. Every entry is compared, by digest, in constant time: how long a look-up takes tells
 * nothing about how close a guess was.
 */
export function createCredentials(entries: readonly Credential[]): Credentials {
  const digests = entries.map(({ secret, account }) => ({ digest: sha256(secret), account }));
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
