import { secretDigest } from "../platform/secret-digest.js";
import type { FixedKeys } from "./fixed-keys.js";
import { type Principals, SUSPENDED } from "./resolution.js";
import type { StoredKeys } from "./stored-keys.js";

export interface PrincipalsDeps {
  /** Keys of the configuration, as it is now. */
  readonly fixed: () => FixedKeys;
  readonly stored: Pick<StoredKeys, "resolve">;
  readonly isSuspended: (account: string) => boolean;
}

/** The keys of the configuration, whose word needs no store, and then those of accounts. */
export function principals({ fixed, stored, isSuspended }: PrincipalsDeps): Principals {
  return {
    resolve(secret) {
      const digest = secretDigest(secret);
      const principal = fixed().find(digest);
      if (principal === undefined) return stored.resolve(digest);
      return isSuspended(principal.account) ? SUSPENDED : { type: "known", principal };
    },
  };
}
