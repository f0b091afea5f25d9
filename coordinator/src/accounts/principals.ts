import { secretDigest } from "../platform/secret-digest.js";
import type { FixedKeys } from "./fixed-keys.js";
import { type Principals, type Resolution, SIGNED_OUT, SUSPENDED } from "./resolution.js";
import { isSession } from "./sign-in.js";
import type { StoredKeys } from "./stored-keys.js";

export interface PrincipalsDeps {
  /** Keys of the configuration, as it is now. */
  readonly fixed: () => FixedKeys;
  readonly stored: Pick<StoredKeys, "resolve">;
  readonly isSuspended: (account: string) => boolean;
  /** The digest of the key that a session stands for here; `undefined` where it is over. */
  readonly keyOfSession: (session: string) => string | undefined;
}

/** The keys of the configuration, whose word needs no store, and then those of accounts. A session is as good as its key. */
export function principals({ fixed, stored, isSuspended, keyOfSession }: PrincipalsDeps): Principals {
  const byDigest = (digest: string): Resolution | Promise<Resolution> => {
    const principal = fixed().find(digest);
    if (principal === undefined) return stored.resolve(digest);
    return isSuspended(principal.account) ? SUSPENDED : { type: "known", principal };
  };
  return {
    resolve(secret) {
      if (!isSession(secret)) return byDigest(secretDigest(secret));
      const digest = keyOfSession(secret);
      return digest === undefined ? SIGNED_OUT : byDigest(digest);
    },
  };
}
