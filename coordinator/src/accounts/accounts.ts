import { type Clock, randomId, randomText } from "@hearth/platform";
import type { Credential } from "../platform/credentials.js";
import type { Logger } from "../platform/logger.js";
import { Pruning } from "../platform/pruning.js";
import { secretDigest } from "../platform/secret-digest.js";
import {
  type Account,
  type AccountChanges,
  type AccountStore,
  type ApiKey,
  KEY_PRUNE_BATCH,
  type KeyChanges,
  type KeyTerms,
  type NewAccount,
} from "../store/account-store.js";

import type { Page } from "../store/enrolment-store.js";
import { digestOfKey } from "./fixed-keys.js";
import type { AccountSettings } from "./settings.js";
import { StoredKeys } from "./stored-keys.js";
import { Suspensions } from "./suspensions.js";

export interface AccountsHooks {
  /** What these accounts have running has to go. */
  suspended(accounts: readonly string[]): void;
}

export interface AccountsDeps {
  readonly store: AccountStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each use. */
  readonly settings: () => AccountSettings;
  readonly hooks: AccountsHooks;
}

/** A key with its secret, which is told this once. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly secret: string;
}

/** What every secret of ours begins with: people and scanners know it by that. */
const SECRET_PREFIX = "sk-hearth-";
const SECRET_BYTES = 32;
/** How much of a secret is shown in lists, characters. */
const SHOWN = SECRET_PREFIX.length + 4;

/** Accounts and their keys: what becomes of them here is true here at once. */
export class Accounts {
  /** Whom secrets stand for. */
  readonly keys: StoredKeys;
  readonly #deps: AccountsDeps;
  readonly #suspensions: Suspensions;
  readonly #pruning: Disposable;

  private constructor(deps: AccountsDeps) {
    this.#deps = deps;
    this.keys = new StoredKeys(deps);
    this.#suspensions = new Suspensions({ ...deps, suspended: (accounts) => this.#suspended(accounts) });
    const { clock, log, store, settings } = deps;
    const prune = (): Promise<number> => store.pruneKeys(clock.wallTime() - settings().endedKeyDays * DAY_MS);
    this.#pruning = new Pruning({ clock, log, what: "keys", batch: KEY_PRUNE_BATCH, prune });
  }

  /** @throws StoreError */
  static async open(deps: AccountsDeps): Promise<Accounts> {
    const accounts = new Accounts(deps);
    await accounts.#suspensions.start();
    return accounts;
  }

  close(): void {
    this.#pruning[Symbol.dispose]();
    this.#suspensions[Symbol.dispose]();
  }

  /** Itself, or the one above. */
  isSuspended(account: string): boolean {
    return this.#suspensions.has(account);
  }

  /** @param id a new one where there is none */
  async create(
    given: Omit<NewAccount, "id" | "createdAtMs"> & { readonly id: string | undefined },
  ): Promise<Account | "exists" | "no_parent"> {
    const id = given.id ?? randomId("acc_");
    const account: NewAccount = { ...given, id, createdAtMs: this.#deps.clock.wallTime() };
    const result = await this.#deps.store.addAccount(account);
    if (result !== "added") return result;
    this.#deps.log.info({ account: id }, "account created");
    return { ...account, suspendedAtMs: undefined };
  }

  /** An account of this name is there afterwards. @returns whether it was made for that */
  async ensure(id: string): Promise<boolean> {
    const { store, clock } = this.#deps;
    const account = { id, name: id, parent: undefined, budget: "own", concurrency: undefined } as const;
    return (await store.addAccount({ ...account, createdAtMs: clock.wallTime() })) === "added";
  }

  find(id: string): Promise<Account | undefined> {
    return this.#deps.store.findAccount(id);
  }

  list(page: Page): Promise<readonly Account[]> {
    return this.#deps.store.listAccounts(page);
  }

  async update(id: string, changes: AccountChanges): Promise<Account | undefined> {
    const account = await this.#deps.store.updateAccount(id, changes);
    this.keys.forgetAll();
    return account;
  }

  /** Its keys and machines, and those of its teams, are refused from now on, or are not any more. */
  async setSuspended(id: string, isSuspended: boolean): Promise<Account | undefined> {
    const { store, clock, log } = this.#deps;
    const account = await store.suspendAccount(id, isSuspended ? clock.wallTime() : undefined);
    if (account === undefined) return undefined;
    log.info({ account: id }, isSuspended ? "account suspended" : "account resumed");
    await this.#suspensions.look();
    this.keys.forgetAll();
    return account;
  }

  async createKey(account: string, terms: KeyTerms): Promise<IssuedKey | "no_account" | "account_full"> {
    const { store, clock, log, settings } = this.#deps;
    const { secret, prefix, digest } = newKeySecret();
    const key = { ...terms, id: randomId("key_"), account, prefix, digest, createdAtMs: clock.wallTime() };
    const result = await store.addKey(key, settings().keysPerAccount);
    if (result === "exists") throw new Error("A fresh secret is there already.");
    if (result !== "added") return result;
    log.info({ account, key: key.id }, "key created");
    return { key: { ...key, ...FRESH }, secret };
  }

  findKey(id: string): Promise<ApiKey | undefined> {
    return this.#deps.store.findKey(id);
  }

  /** By one of its secrets, whatever has become of the key or the secret since. */
  async findKeyByDigest(digest: string): Promise<ApiKey | undefined> {
    return (await this.#deps.store.findKeyByDigest(digest))?.key;
  }

  listKeys(page: Page): Promise<readonly ApiKey[]> {
    return this.#deps.store.listKeys(page);
  }

  /** @returns as it is now; `undefined` = there is no such, or it is revoked */
  async updateKey(id: string, changes: KeyChanges): Promise<ApiKey | undefined> {
    return this.#changed(await this.#deps.store.updateKey(id, changes), "key changed");
  }

  /** Another secret for a key. @param overlapMs how long the old one is still good */
  async rotateKey(id: string, overlapMs: number): Promise<IssuedKey | undefined> {
    const { store, clock } = this.#deps;
    const { secret, prefix, digest } = newKeySecret();
    const rotated = await store.rotateKey(id, { prefix, digest, oldEndsAtMs: clock.wallTime() + overlapMs });
    if (rotated === undefined) return undefined;
    this.keys.forget(rotated.before.oldDigest);
    this.#changed(rotated.now, "key rotated");
    return { key: rotated.now, secret };
  }

  async revokeKey(id: string): Promise<ApiKey | undefined> {
    return this.#changed(await this.#deps.store.revokeKey(id, this.#deps.clock.wallTime()), "key revoked");
  }

  /** Takes a key over whose secret, or its digest, somebody has told. @returns `undefined` = it is here already */
  async adopt(credential: Credential, terms: KeyTerms): Promise<ApiKey | undefined> {
    const { store, clock, log } = this.#deps;
    const { account } = credential;
    const createdAtMs = clock.wallTime();
    await this.ensure(account);
    const digest = digestOfKey(credential);
    const key = { ...terms, id: randomId("key_"), account, prefix: "", digest, createdAtMs };
    if ((await store.addKey(key, Number.MAX_SAFE_INTEGER)) !== "added") return undefined;
    this.keys.forget(digest);
    log.info({ account, key: key.id }, "key adopted");
    return { ...key, ...FRESH };
  }

  #changed(key: ApiKey | undefined, what: string): ApiKey | undefined {
    if (key === undefined) return undefined;
    this.keys.forget(key.digest, key.oldDigest);
    this.#deps.log.info({ account: key.account, key: key.id }, what);
    return key;
  }

  #suspended(accounts: readonly string[]): void {
    this.keys.forgetAll();
    this.#deps.hooks.suspended(accounts);
  }
}

const DAY_MS = 24 * 3_600_000;

const FRESH = { oldDigest: undefined, oldEndsAtMs: undefined, revokedAtMs: undefined };

function newKeySecret() {
  const secret = SECRET_PREFIX + randomText(SECRET_BYTES);
  return { secret, prefix: secret.slice(0, SHOWN), digest: secretDigest(secret) };
}
