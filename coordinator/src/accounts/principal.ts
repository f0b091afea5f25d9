import type { ApiKey, FoundKey, KeyLimits, Scope } from "../store/account-store.js";

/** Who asks, and how far that goes: what a valid key stands for. */
export interface Principal {
  readonly account: string;
  /** The account that pays: a team's parent where the two share a budget. */
  readonly payer: string;
  readonly keyId: string;
  readonly name: string;
  /** The beginning of the secret; `undefined` where only its digest is known. */
  readonly prefix: string | undefined;
  readonly scopes: ReadonlySet<Scope>;
  readonly limits: PrincipalLimits;
  /** `undefined` = all. */
  readonly allowedModels: ReadonlySet<string> | undefined;
  /** Its requests go to machines of its account only. */
  readonly selfRouteOnly: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Wall-clock ms. */
  readonly expiresAtMs: number | undefined;
}

export interface PrincipalLimits extends KeyLimits {
  /** Requests of all keys of the account at once. */
  readonly accountConcurrency: number | undefined;
}

const NO_LIMITS: PrincipalLimits = {
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  concurrency: undefined,
  budget: undefined,
  accountConcurrency: undefined,
};

/** What a key of the configuration stands for: nothing limits it. */
export function unlimited(
  given: Pick<Principal, "account" | "keyId" | "name"> & { readonly scopes: readonly Scope[] },
): Principal {
  return {
    ...given,
    payer: given.account,
    prefix: undefined,
    scopes: new Set(given.scopes),
    limits: NO_LIMITS,
    allowedModels: undefined,
    selfRouteOnly: false,
    tags: {},
    expiresAtMs: undefined,
  };
}

export function principalOf({ key, account, parent }: FoundKey): Principal {
  const { id: keyId, name, prefix, selfRouteOnly, tags, expiresAtMs } = key;
  return {
    account: account.id,
    payer: parent !== undefined && account.budget === "shared" ? parent.id : account.id,
    ...{ keyId, name, prefix, selfRouteOnly, tags, expiresAtMs },
    scopes: new Set(key.scopes),
    limits: { ...key.limits, accountConcurrency: account.concurrency },
    allowedModels: key.allowedModels && new Set(key.allowedModels),
  };
}

/** When the secret with this digest ends, wall-clock ms; `undefined` = never, 0 = it has ended. */
export function endOf({ digest: current, oldEndsAtMs = 0, expiresAtMs }: ApiKey, digest: string): number | undefined {
  if (digest === current) return expiresAtMs;
  return expiresAtMs === undefined ? oldEndsAtMs : Math.min(oldEndsAtMs, expiresAtMs);
}
