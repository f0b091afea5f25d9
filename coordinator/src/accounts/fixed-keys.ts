import { timingSafeEqual } from "node:crypto";
import type { Credential } from "../platform/credentials.js";
import { secretDigest } from "../platform/secret-digest.js";
import type { Scope } from "../store/account-store.js";
import { type Principal, unlimited } from "./principal.js";

/** A key of the configuration. */
export type FixedKey = Credential & { readonly name: string; readonly scopes: readonly Scope[] };

/** Keys of the configuration by their digests. */
export interface FixedKeys {
  find(digest: string): Principal | undefined;
}

/** What a key of the configuration file is called, and for what it is good. */
export const CONFIGURED: Pick<FixedKey, "name" | "scopes"> = {
  name: "configuration file",
  scopes: ["inference", "provider"],
};

/** Digits of its digest by which a key is known that has no id. */
const ID_DIGITS = 12;

/** How the digest begins: enough to find its line in the file, and to tell it from all others there. */
export const shortDigest = (digest: string): string => digest.slice(0, ID_DIGITS);

/** The digest of a key that may be given by its secret. */
export const digestOfKey = (key: Credential): string => ("secret" in key ? secretDigest(key.secret) : key.sha256);

/** Of two with one secret, the last counts. How long a look-up takes tells nothing of a secret: see `secretDigest`. */
export function fixedKeys(keys: readonly FixedKey[]): FixedKeys {
  const byDigest = new Map(keys.map((key) => [digestOfKey(key), key]));
  const found = new Map([...byDigest].map(([digest, key]) => [digest, entryOf(digest, key)]));
  return {
    find(digest) {
      const entry = found.get(digest);
      if (entry === undefined || !timingSafeEqual(entry.digest, Buffer.from(digest))) return undefined;
      return entry.principal;
    },
  };
}

function entryOf(digest: string, { account, name, scopes }: FixedKey) {
  const keyId = `config_${shortDigest(digest)}`;
  return { digest: Buffer.from(digest), principal: unlimited({ account, keyId, name, scopes }) };
}
