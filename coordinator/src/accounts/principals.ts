import { secretDigest } from "../platform/secret-digest.js";
import type { FixedKeys } from "./fixed-keys.js";
import { type Principals, type Resolution, SIGNED_OUT, SUSPENDED } from "./resolution.js";
import { isSession, type Person, type SignedIn } from "./sign-in.js";
import type { StoredKeys } from "./stored-keys.js";

export interface PrincipalsDeps {
  /** Keys of the configuration, as it is now. */
  readonly fixed: () => FixedKeys;
  readonly stored: Pick<StoredKeys, "resolve">;
  readonly isSuspended: (account: string) => boolean;
  /** Whom a session stands for here; `undefined` where it is over. */
  readonly signedIn: (session: string) => SignedIn | undefined;
  /** Whom a person stands for here. Never rejects. */
  readonly person: (person: Person) => Resolution | Promise<Resolution>;
}

/** The keys of the configuration, whose word needs no store, and then those of accounts. A session is as good as its key. */
export function principals({ fixed, stored, isSuspended, signedIn, person }: PrincipalsDeps): Principals {
  const byDigest = (digest: string): Resolution | Promise<Resolution> => {
    const principal = fixed().find(digest);
    if (principal === undefined) return stored.resolve(digest);
    return isSuspended(principal.account) ? SUSPENDED : { type: "known", principal };
  };
  return {
    resolve(secret) {
      if (!isSession(secret)) return byDigest(secretDigest(secret));
      const who = signedIn(secret);
      if (who === undefined) return SIGNED_OUT;
      return who.type === "key" ? byDigest(who.digest) : person(who.person);
    },
  };
}
