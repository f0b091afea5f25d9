import { beforeEach, describe, expect, it } from "vitest";
import type { AccountStore, KeyLimits, NewAccount, NewApiKey } from "./account-store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const MANY = 1_000;

const account = (id: string, given: Partial<NewAccount> = {}): NewAccount => ({
  id,
  name: `${id} & Co.`,
  parent: undefined,
  budget: "own",
  concurrency: undefined,
  createdAtMs: 1_000,
  ...given,
});

const NO_LIMITS: KeyLimits = {
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  concurrency: undefined,
  budget: undefined,
};

const key = (id: string, given: Partial<NewApiKey> = {}): NewApiKey => ({
  id,
  account: "anna",
  name: "laptop",
  prefix: "sk-hearth-abcd",
  digest: `digest-${id}`,
  scopes: ["inference"],
  allowedModels: undefined,
  selfRouteOnly: false,
  limits: NO_LIMITS,
  tags: {},
  createdAtMs: 1_000,
  expiresAtMs: undefined,
  ...given,
});

const FRESH = { oldDigest: undefined, oldEndsAtMs: undefined, revokedAtMs: undefined };

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: AccountStore;
  let other: AccountStore;

  beforeEach(() => {
    store = place().store.accounts;
    other = place().other.accounts;
  });

  it("forgets keys that were revoked or have expired before then, and no other", async () => {
    await store.addAccount(account("anna"));
    for (const one of [
      key("old"),
      key("new"),
      key("expired", { expiresAtMs: 4_999 }),
      key("good", { expiresAtMs: 5_000 }),
    ])
      await store.addKey(one, MANY);
    await store.revokeKey("old", 4_999);
    await store.revokeKey("new", 5_000);
    expect(await store.pruneKeys(4_999)).toBe(0);
    expect(await store.pruneKeys(5_000)).toBe(2);
    expect((await store.listKeys({ limit: 10 })).map(({ id }) => id)).toEqual(["good", "new"]);
    expect(await store.findKeyByDigest("digest-old")).toBeUndefined();
  });

  describe("accounts", () => {
    it("keeps every member of an account", async () => {
      const full = account("anna", { concurrency: 4 });
      expect(await store.addAccount(full)).toBe("added");
      expect(await store.findAccount("anna")).toEqual({ ...full, suspendedAtMs: undefined });
      expect(await store.findAccount("ben")).toBeUndefined();
    });

    it("has one account of a name, whoever adds it", async () => {
      const racers = Array.from({ length: 10 }, (_, n) => (n % 2 ? store : other).addAccount(account("anna")));
      expect((await Promise.all(racers)).sort()).toEqual(["added", ...new Array(9).fill("exists")]);
    });

    it("has teams under an account, and none under a team", async () => {
      await store.addAccount(account("acme"));
      expect(await store.addAccount(account("acme-web", { parent: "acme", budget: "shared" }))).toBe("added");
      expect(await store.addAccount(account("x", { parent: "acme-web" }))).toBe("no_parent");
      expect(await store.addAccount(account("y", { parent: "nobody" }))).toBe("no_parent");
    });

    it("lists page by page, oldest first, all or the teams of one", async () => {
      for (const [id, parent, createdAtMs] of [
        ["b", undefined, 1],
        ["a", undefined, 1],
        ["d", "a", 3],
        ["c", "a", 2],
      ] as const) {
        await store.addAccount(account(id, { parent, createdAtMs }));
      }
      const ids = async (page: Parameters<AccountStore["listAccounts"]>[0]) =>
        (await store.listAccounts(page)).map(({ id }) => id);
      expect(await ids({ limit: 2 })).toEqual(["a", "b"]);
      expect(await ids({ limit: 9, after: "b" })).toEqual(["c", "d"]);
      expect(await ids({ limit: 9, account: "a" })).toEqual(["c", "d"]);
      expect(await ids({ limit: 9, account: "a", after: "c" })).toEqual(["d"]);
    });

    it("changes what is named and nothing else, also to nothing", async () => {
      await store.addAccount(account("anna", { concurrency: 4 }));
      expect(await store.updateAccount("anna", { name: "Anna" })).toMatchObject({ name: "Anna", concurrency: 4 });
      expect(await store.updateAccount("anna", { concurrency: undefined })).toMatchObject({
        name: "Anna",
        concurrency: undefined,
      });
      expect(await store.findAccount("anna")).toMatchObject({ name: "Anna", concurrency: undefined });
      expect(await store.updateAccount("ben", { name: "Ben" })).toBeUndefined();
    });

    it("suspends an account together with its teams, and lets them go on", async () => {
      await store.addAccount(account("acme"));
      await store.addAccount(account("acme-web", { parent: "acme" }));
      await store.addAccount(account("ben"));
      expect(await store.suspendedAccounts()).toEqual([]);
      expect(await store.suspendAccount("acme", 5_000)).toMatchObject({ suspendedAtMs: 5_000 });
      expect(await other.suspendedAccounts()).toEqual(["acme", "acme-web"]);
      expect(await store.suspendAccount("acme", undefined)).toMatchObject({ suspendedAtMs: undefined });
      expect(await store.suspendedAccounts()).toEqual([]);
      expect(await store.suspendAccount("nobody", 1)).toBeUndefined();
    });
  });

  describe("keys", () => {
    beforeEach(async () => {
      if (engine.isHere) await store.addAccount(account("anna"));
    });

    it("keeps every member of a key", async () => {
      const full = key("k1", {
        scopes: ["inference", "read"],
        allowedModels: ["qwen3-8b", 'a,b "c"'],
        selfRouteOnly: true,
        limits: {
          requestsPerMinute: 60,
          tokensPerMinute: 10_000,
          concurrency: 2,
          budget: { microUsd: 5_000_000, reset: "monthly" },
        },
        tags: { team: "web", "a b": "c" },
        expiresAtMs: 9_000,
      });
      expect(await store.addKey(full, MANY)).toBe("added");
      expect(await store.findKey("k1")).toEqual({ ...full, ...FRESH });
      const bare = key("k2", { scopes: [], allowedModels: [] });
      await store.addKey(bare, MANY);
      expect(await store.findKey("k2")).toEqual({ ...bare, ...FRESH });
    });

    it("finds a key by its secret's digest, with its account and the one above", async () => {
      await store.addAccount(account("anna-web", { parent: "anna" }));
      await store.addKey(key("k1", { account: "anna-web" }), MANY);
      expect(await store.findKeyByDigest("digest-k1")).toMatchObject({
        key: { id: "k1" },
        account: { id: "anna-web" },
        parent: { id: "anna" },
      });
      expect(await store.findKeyByDigest("digest-k2")).toBeUndefined();
    });

    it("adds no key without an account, with a secret that is there, or beyond the account's number", async () => {
      expect(await store.addKey(key("k1", { account: "ben" }), MANY)).toBe("no_account");
      expect(await store.addKey(key("k1"), 1)).toBe("added");
      expect(await store.addKey(key("k2"), 1)).toBe("account_full");
      expect(await store.addKey(key("k3", { digest: "digest-k1" }), MANY)).toBe("exists");
      await store.revokeKey("k1", 2_000);
      expect(await store.addKey(key("k2"), 1)).toBe("added");
    });

    it("holds an account to its number of keys, whoever adds them", async () => {
      const racers = Array.from({ length: 12 }, (_, n) => (n % 2 ? store : other).addKey(key(`k${n}`), 5));
      const results = (await Promise.all(racers)).sort();
      expect(results).toEqual([...new Array(7).fill("account_full"), ...new Array(5).fill("added")]);
    });

    it("changes single limits and leaves the others", async () => {
      await store.addKey(key("k1", { limits: { ...NO_LIMITS, requestsPerMinute: 60, concurrency: 2 } }), MANY);
      const budget = { microUsd: 7, reset: "daily" } as const;
      await store.updateKey("k1", { name: "desk", limits: { concurrency: undefined, budget } });
      expect(await other.findKey("k1")).toMatchObject({
        name: "desk",
        limits: { requestsPerMinute: 60, concurrency: undefined, budget },
      });
      expect(await store.updateKey("k9", { name: "x" })).toBeUndefined();
    });

    it("gives a key another secret under its id, and knows the old one until the next", async () => {
      await store.addKey(key("k1"), MANY);
      const rotated = await store.rotateKey("k1", { prefix: "p2", digest: "d2", oldEndsAtMs: 3_000 });
      expect(rotated).toMatchObject({
        before: { digest: "digest-k1" },
        now: { digest: "d2", prefix: "p2", oldDigest: "digest-k1", oldEndsAtMs: 3_000 },
      });
      for (const digest of ["digest-k1", "d2"]) {
        expect(await other.findKeyByDigest(digest)).toMatchObject({ key: { id: "k1" } });
      }
      await store.rotateKey("k1", { prefix: "p3", digest: "d3", oldEndsAtMs: 4_000 });
      expect(await store.findKeyByDigest("digest-k1")).toBeUndefined();
      expect(await store.rotateKey("k9", { prefix: "p", digest: "d", oldEndsAtMs: 0 })).toBeUndefined();
    });

    it("revokes once, and changes nothing of it afterwards", async () => {
      await store.addKey(key("k1"), MANY);
      expect(await store.revokeKey("k1", 5_000)).toMatchObject({ id: "k1", revokedAtMs: 5_000 });
      expect(await store.revokeKey("k1", 6_000)).toBeUndefined();
      expect(await store.updateKey("k1", { name: "x" })).toBeUndefined();
      expect(await store.rotateKey("k1", { prefix: "p", digest: "d", oldEndsAtMs: 0 })).toBeUndefined();
      expect(await other.findKeyByDigest("digest-k1")).toMatchObject({ key: { revokedAtMs: 5_000, name: "laptop" } });
    });

    it("lists page by page, oldest first, of one account or of all", async () => {
      await store.addAccount(account("ben"));
      await store.addKey(key("k2", { createdAtMs: 2 }), MANY);
      await store.addKey(key("k1", { createdAtMs: 3 }), MANY);
      await store.addKey(key("k3", { createdAtMs: 1, account: "ben" }), MANY);
      const ids = async (page: Parameters<AccountStore["listKeys"]>[0]) =>
        (await store.listKeys(page)).map(({ id }) => id);
      expect(await ids({ limit: 9 })).toEqual(["k3", "k2", "k1"]);
      expect(await ids({ limit: 1, account: "anna" })).toEqual(["k2"]);
      expect(await ids({ limit: 9, account: "anna", after: "k2" })).toEqual(["k1"]);
    });

    it("keeps no amount that is no whole number of micro-dollars", async () => {
      const limits = { ...NO_LIMITS, budget: { microUsd: 0.5, reset: "daily" } as const };
      await expect(store.addKey(key("k1", { limits }), MANY)).rejects.toMatchObject({ name: "RangeError" });
      const negative = { ...NO_LIMITS, budget: { microUsd: -1, reset: "daily" } as const };
      await expect(store.addKey(key("k1", { limits: negative }), MANY)).rejects.toThrow();
      expect(await store.findKey("k1")).toBeUndefined();
    });
  });
});
