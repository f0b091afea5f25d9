import type { Page } from "./enrolment-store.js";

/**
 * What a key may be used for: requests and what they leave behind; machines of the account; everything of the
 * operator's; looking at everything of the operator's.
 */
export const SCOPES = ["inference", "provider", "admin", "read"] as const;
export type Scope = (typeof SCOPES)[number];

/** When what was spent of a budget counts from 0 again: at 00:00 UTC, weeks on Mondays, months on their first. */
export const BUDGET_RESETS = ["never", "daily", "weekly", "monthly"] as const;
export type BudgetReset = (typeof BUDGET_RESETS)[number];

/** What a key may spend in a period. */
export interface Budget {
  readonly microUsd: number;
  readonly reset: BudgetReset;
}

/** How much a key may be used; `undefined` = as much as it likes. */
export interface KeyLimits {
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  /** Requests at once. */
  readonly concurrency: number | undefined;
  readonly budget: Budget | undefined;
}

/** Whoever pays and is paid. A team is an account under another one. */
export interface Account {
  readonly id: string;
  readonly name: string;
  /** The account that it is a team of; that one is no team itself. */
  readonly parent: string | undefined;
  /** `shared` = its parent pays. */
  readonly budget: "own" | "shared";
  /** Requests of all of its keys at once. */
  readonly concurrency: number | undefined;
  /** Wall-clock ms, as all times here. */
  readonly createdAtMs: number;
  readonly suspendedAtMs: number | undefined;
}

export type NewAccount = Omit<Account, "suspendedAtMs">;
export type AccountChanges = Partial<Pick<Account, "name" | "budget" | "concurrency">>;

/** What a key is for and how far it goes. */
export interface KeyTerms {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** `undefined` = all. */
  readonly allowedModels: readonly string[] | undefined;
  /** Its requests go to machines of its account only. */
  readonly selfRouteOnly: boolean;
  readonly limits: KeyLimits;
  /** For the account's own bookkeeping. */
  readonly tags: Readonly<Record<string, string>>;
  readonly expiresAtMs: number | undefined;
}

/** A key of an account. It keeps its id when it gets another secret, and with it what was spent of its budget. */
export interface ApiKey extends KeyTerms {
  readonly id: string;
  readonly account: string;
  /** The beginning of the secret, by which its owner knows it. */
  readonly prefix: string;
  /** SHA-256 of the secret, hex. */
  readonly digest: string;
  /** The secret of before, as long as it is still good. */
  readonly oldDigest: string | undefined;
  readonly oldEndsAtMs: number | undefined;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | undefined;
}

export type NewApiKey = Omit<ApiKey, "oldDigest" | "oldEndsAtMs" | "revokedAtMs">;
export type KeyChanges = Partial<Omit<KeyTerms, "limits">> & { readonly limits?: Partial<KeyLimits> };

/** A key with the account that it is of, and the one above that. */
export interface FoundKey {
  readonly key: ApiKey;
  readonly account: Account;
  readonly parent: Account | undefined;
}

export interface NewSecret {
  readonly prefix: string;
  readonly digest: string;
  /** Until then the secret of now is good as well. */
  readonly oldEndsAtMs: number;
}

/** Keys that one `pruneKeys` removes at most. */
export const KEY_PRUNE_BATCH = 1_000;

/** Accounts and their keys. What is here holds also when several coordinators use it at once. */
export interface AccountStore {
  /** `no_parent`: the parent is not there, or a team itself. */
  addAccount(account: NewAccount): Promise<"added" | "exists" | "no_parent">;
  findAccount(id: string): Promise<Account | undefined>;
  /** Oldest first; of one parent where the page's `account` names it. */
  listAccounts(page: Page): Promise<readonly Account[]>;
  /** @returns as it is now; `undefined` = there is no such */
  updateAccount(id: string, changes: AccountChanges): Promise<Account | undefined>;
  /** @param atMs `undefined` = not suspended any more @returns as it is now; `undefined` = there is no such */
  suspendAccount(id: string, atMs: number | undefined): Promise<Account | undefined>;
  /** Those that are suspended, and the teams of those. */
  suspendedAccounts(): Promise<readonly string[]>;
  /** `account_full`: it has `maxPerAccount` keys that are not revoked. */
  addKey(key: NewApiKey, maxPerAccount: number): Promise<"added" | "exists" | "no_account" | "account_full">;
  /** By one of its secrets, whatever has become of the key or the secret since. */
  findKeyByDigest(digest: string): Promise<FoundKey | undefined>;
  findKey(id: string): Promise<ApiKey | undefined>;
  listKeys(page: Page): Promise<readonly ApiKey[]>;
  /** @returns as it is now; `undefined` = there is no such, or it is revoked */
  updateKey(id: string, changes: KeyChanges): Promise<ApiKey | undefined>;
  /** @returns as it was before and is now; `undefined` = there is no such, or it is revoked */
  rotateKey(id: string, secret: NewSecret): Promise<{ readonly before: ApiKey; readonly now: ApiKey } | undefined>;
  /** @returns as it is now; `undefined` = there is no such, or it is revoked already */
  revokeKey(id: string, atMs: number): Promise<ApiKey | undefined>;
  /** Forgets keys that were revoked or have expired before then, at most `KEY_PRUNE_BATCH`. @returns how many */
  pruneKeys(beforeMs: number): Promise<number>;
}
