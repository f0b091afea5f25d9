import type { Credential } from "../platform/credentials.js";
import type { ApiKey, KeyTerms } from "../store/account-store.js";
import type { Accounts } from "./accounts.js";
import { CONFIGURED, digestOfKey } from "./fixed-keys.js";
import { endOf } from "./principal.js";

/** Whom the configuration file names. */
export interface Configured {
  readonly keys: readonly Credential[];
  readonly tokens: readonly Credential[];
}

/**
 * `adopted`: it was not there before; `present`: it was. `ended`: it is there, and revoked or expired.
 * `other_account`: it is there for another account than the file says.
 */
export type Adopted = "adopted" | "present" | "ended" | "other_account";

/** A key of the file, and what the store has of it now. */
export interface AdoptedKey {
  readonly digest: string;
  /** As the file says. */
  readonly account: string;
  readonly status: Adopted;
  readonly key: ApiKey;
}

export interface Adoption {
  /** Accounts that were made for it. */
  readonly made: readonly string[];
  readonly keys: readonly AdoptedKey[];
}

/** What a key of the file may do is what it may do afterwards. */
const TERMS: KeyTerms = {
  ...CONFIGURED,
  allowedModels: undefined,
  selfRouteOnly: false,
  limits: { requestsPerMinute: undefined, tokensPerMinute: undefined, concurrency: undefined, budget: undefined },
  tags: {},
  expiresAtMs: undefined,
};

/**
 * Takes the keys of the configuration file over into the store, by their digests, and makes the accounts that the file
 * names. What is there already stays as it is: it may be done any number of times.
 *
 * @throws StoreError
 */
export async function adoptConfigured(
  accounts: Accounts,
  { keys, tokens }: Configured,
  nowMs: number,
): Promise<Adoption> {
  const made: string[] = [];
  for (const account of new Set([...keys, ...tokens].map((each) => each.account))) {
    if (await accounts.ensure(account)) made.push(account);
  }
  const adopted: AdoptedKey[] = [];
  // Of two with one secret, the last counts, as for whoever comes with it.
  for (const [digest, credential] of new Map(keys.map((key) => [digestOfKey(key), key]))) {
    adopted.push(await adoptOne(accounts, credential, { digest, nowMs }));
  }
  return { made, keys: adopted };
}

async function adoptOne(
  accounts: Accounts,
  credential: Credential,
  { digest, nowMs }: { readonly digest: string; readonly nowMs: number },
): Promise<AdoptedKey> {
  const { account } = credential;
  const fresh = await accounts.adopt(credential, TERMS);
  if (fresh !== undefined) return { digest, account, status: "adopted", key: fresh };
  const key = await accounts.findKeyByDigest(digest);
  if (key === undefined) throw new Error("A key is neither there nor to be added.");
  const end = endOf(key, digest);
  const hasEnded = key.revokedAtMs !== undefined || (end !== undefined && end <= nowMs);
  const status = key.account !== account ? "other_account" : hasEnded ? "ended" : "present";
  return { digest, account, status, key };
}
