import { FakeClock } from "@hearth/platform/testing";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secretDigest } from "../platform/secret-digest.js";
import type { AccountStore, KeyTerms } from "../store/account-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { Accounts, type IssuedKey } from "./accounts.js";
import { fixedKeys } from "./fixed-keys.js";
import { principals } from "./principals.js";
import { type Principals, type Resolution, UNKNOWN } from "./resolution.js";
import { DEFAULT_ACCOUNTS } from "./settings.js";

const TERMS: KeyTerms = {
  name: "laptop",
  scopes: ["inference"],
  allowedModels: undefined,
  selfRouteOnly: false,
  limits: { requestsPerMinute: 60, tokensPerMinute: undefined, concurrency: undefined, budget: undefined },
  tags: {},
  expiresAtMs: undefined,
};

const CONFIGURED = "hk-configured-0123456789";

/** Another coordinator on the same database. */
interface Node {
  readonly accounts: Accounts;
  readonly principals: Principals;
  /** Digests that the store was asked for. */
  readonly asked: string[];
}

let clock: FakeClock;
let database: Store;
let state: "here" | "away" | "silent";
let suspended: string[];
let here: Node;
let elsewhere: Node;

async function openNode(settings = DEFAULT_ACCOUNTS): Promise<Node> {
  const asked: string[] = [];
  const store: AccountStore = {
    ...database.accounts,
    findKeyByDigest(digest) {
      asked.push(digest);
      if (state === "away") return Promise.reject(new Error("away"));
      return state === "silent" ? new Promise(() => {}) : database.accounts.findKeyByDigest(digest);
    },
  };
  const hooks = { suspended: (accounts: readonly string[]) => void suspended.push(...accounts) };
  const log = pino({ level: "silent" });
  const accounts = await Accounts.open({ store, clock, log, settings: () => settings, hooks });
  const fixed = fixedKeys([{ secret: CONFIGURED, account: "anna", name: "file", scopes: ["inference"] }]);
  return {
    accounts,
    asked,
    principals: principals({
      signedIn: () => undefined,
      person: () => UNKNOWN,
      fixed: () => fixed,
      stored: accounts.keys,
      isSuspended: (account) => accounts.isSuspended(account),
    }),
  };
}

beforeEach(async () => {
  clock = new FakeClock();
  database = openMemoryStore();
  state = "here";
  suspended = [];
  here = await openNode();
  elsewhere = await openNode();
  await here.accounts.create({ id: "anna", name: "Anna", parent: undefined, budget: "own", concurrency: 3 });
});

afterEach(async () => {
  here.accounts.close();
  elsewhere.accounts.close();
  expect(clock.pending).toBe(0);
  await database.close();
});

async function issue(terms: Partial<KeyTerms> = {}, account = "anna"): Promise<IssuedKey> {
  const issued = await here.accounts.createKey(account, { ...TERMS, ...terms });
  if (typeof issued === "string") throw new Error(issued);
  return issued;
}

const typeOf = async (node: Node, secret: string): Promise<Resolution["type"]> =>
  (await node.principals.resolve(secret)).type;

it("makes secrets of 256 random bits, and keeps none", async () => {
  const { key, secret } = await issue();
  expect(secret).toMatch(/^sk-hearth-[\w-]{43}$/);
  expect(secret).toContain(key.prefix);
  expect(key.prefix).toHaveLength("sk-hearth-".length + 4);
  expect(JSON.stringify(await here.accounts.findKey(key.id))).not.toContain(secret.slice(key.prefix.length));
});

it("knows what a key stands for", async () => {
  const { key, secret } = await issue({ allowedModels: ["a"], selfRouteOnly: true, tags: { team: "web" } });
  const resolution = await here.principals.resolve(secret);
  expect(resolution).toEqual({
    type: "known",
    principal: {
      account: "anna",
      payer: "anna",
      keyId: key.id,
      name: "laptop",
      prefix: key.prefix,
      scopes: new Set(["inference"]),
      limits: { ...TERMS.limits, accountConcurrency: 3 },
      allowedModels: new Set(["a"]),
      selfRouteOnly: true,
      tags: { team: "web" },
      expiresAtMs: undefined,
    },
  });
});

it("lets a team's parent pay where they share a budget", async () => {
  for (const budget of ["shared", "own"] as const) {
    await here.accounts.create({ id: budget, name: "Web", parent: "anna", budget, concurrency: undefined });
    const { secret } = await issue({}, budget);
    const payer = budget === "shared" ? "anna" : "own";
    expect(await here.principals.resolve(secret)).toMatchObject({ principal: { account: budget, payer } });
  }
});

it("answers from memory where it can, without a promise, and asks the store once for many who come at once", async () => {
  const { secret } = await issue();
  const first = [here.principals.resolve(secret), here.principals.resolve(secret)];
  expect(first[0]).toBeInstanceOf(Promise);
  await Promise.all(first);
  expect(here.principals.resolve(secret)).toMatchObject({ type: "known" });
  expect(here.asked).toHaveLength(1);
});

it("never lets a key that is in use wait: it is looked at again while it is still believed", async () => {
  const { secret } = await issue();
  await here.principals.resolve(secret);
  for (let n = 0; n < 20; n++) {
    clock.advance(1_000);
    expect(here.principals.resolve(secret)).toMatchObject({ type: "known" });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(here.asked.length).toBeGreaterThan(5);
});

it("knows keys of the configuration without any store, and nothing limits them", async () => {
  state = "away";
  expect(here.principals.resolve(CONFIGURED)).toMatchObject({
    type: "known",
    principal: { account: "anna", limits: { requestsPerMinute: undefined } },
  });
  expect(here.asked).toEqual([]);
});

describe("a key that is no more", () => {
  it("stops at once where it was revoked, and everywhere else within 3 s", async () => {
    const { key, secret } = await issue();
    for (const node of [here, elsewhere]) expect(await typeOf(node, secret)).toBe("known");
    await here.accounts.revokeKey(key.id);
    expect(await typeOf(here, secret)).toBe("unknown");
    expect(await typeOf(elsewhere, secret)).toBe("known");
    clock.advance(3_000);
    expect(await typeOf(elsewhere, secret)).toBe("unknown");
  });

  it("stops also for whoever the store was asked for before it was revoked", async () => {
    const { key, secret } = await issue();
    const asked = here.principals.resolve(secret);
    await here.accounts.revokeKey(key.id);
    await asked;
    expect(await typeOf(here, secret)).toBe("unknown");
  });

  it("ends at its time, whether it is remembered or not", async () => {
    const { secret } = await issue({ expiresAtMs: 2_000 });
    expect(await typeOf(here, secret)).toBe("known");
    clock.advance(1_999);
    expect(await typeOf(here, secret)).toBe("known");
    clock.advance(1);
    for (const node of [here, elsewhere]) expect(await typeOf(node, secret)).toBe("expired");
  });

  it("has its old secret for as long as the overlap, and not longer than the key", async () => {
    const first = await issue({ expiresAtMs: 60_000 });
    const second = await here.accounts.rotateKey(first.key.id, 10_000);
    if (second === undefined) throw new Error("not rotated");
    expect(second.key.id).toBe(first.key.id);
    for (const { secret } of [first, second]) expect(await typeOf(here, secret)).toBe("known");
    clock.advance(10_000);
    expect(await typeOf(here, first.secret)).toBe("expired");
    expect(await typeOf(here, second.secret)).toBe("known");
    await here.accounts.rotateKey(first.key.id, 600_000);
    clock.advance(50_000);
    expect(await typeOf(here, second.secret)).toBe("expired");
  });

  it("takes no secret of before the last when it rotates at once", async () => {
    const first = await issue();
    expect(await typeOf(here, first.secret)).toBe("known");
    await here.accounts.rotateKey(first.key.id, 0);
    expect(await typeOf(here, first.secret)).toBe("expired");
    await here.accounts.rotateKey(first.key.id, 0);
    expect(await typeOf(here, first.secret)).toBe("unknown");
  });
});

describe("a suspended account", () => {
  it("is refused with its teams, whichever keys they have, and comes back", async () => {
    await here.accounts.create({ id: "web", name: "Web", parent: "anna", budget: "own", concurrency: undefined });
    const secrets = [(await issue()).secret, (await issue({}, "web")).secret, CONFIGURED];
    for (const secret of secrets) expect(await typeOf(here, secret)).toBe("known");
    await here.accounts.setSuspended("anna", true);
    for (const secret of secrets) expect(await typeOf(here, secret)).toBe("suspended");
    expect(suspended).toEqual(["anna", "web"]);
    await here.accounts.setSuspended("anna", false);
    for (const secret of secrets) expect(await typeOf(here, secret)).toBe("known");
  });

  it("is one elsewhere within 3 s, told once", async () => {
    await here.accounts.setSuspended("anna", true);
    expect(elsewhere.accounts.isSuspended("anna")).toBe(false);
    suspended = [];
    for (let n = 0; n < 3; n++) {
      clock.advance(3_000);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(elsewhere.accounts.isSuspended("anna")).toBe(true);
    expect(suspended).toEqual(["anna"]);
  });
});

describe("a store that does not answer", () => {
  it("costs nobody a key that was known, for a while, and refuses nobody else's as unknown", async () => {
    const known = await issue();
    const other = await issue();
    await here.principals.resolve(known.secret);
    state = "away";
    for (let passed = 0; passed < 60_000; passed += 3_000) {
      expect(await typeOf(here, known.secret)).toBe("known");
      expect(await typeOf(here, other.secret)).toBe("unavailable");
      clock.advance(3_000);
    }
    expect(await typeOf(here, known.secret)).toBe("unavailable");
    state = "here";
    expect(await typeOf(here, known.secret)).toBe("known");
    expect(await typeOf(here, other.secret)).toBe("known");
  });

  it("is waited for two seconds, and asked once for one key while it is silent", async () => {
    const known = await issue();
    await here.principals.resolve(known.secret);
    state = "silent";
    clock.advance(3_000);
    const before = here.asked.length;
    const first = here.principals.resolve(known.secret);
    const stranger = here.principals.resolve("sk-hearth-x");
    clock.advance(2_000);
    expect(await first).toMatchObject({ type: "known" });
    expect(await stranger).toEqual({ type: "unavailable" });
    clock.advance(54_999);
    expect(await typeOf(here, known.secret)).toBe("known");
    clock.advance(1);
    expect(await typeOf(here, known.secret)).toBe("unavailable");
    expect(await typeOf(here, "sk-hearth-x")).toBe("unavailable");
    expect(here.asked.length - before).toBe(2);
  });

  it("is asked for so many at once and no more", async () => {
    state = "silent";
    const node = await openNode({ ...DEFAULT_ACCOUNTS, lookups: 3 });
    const asked = [1, 2, 3].map((n) => node.principals.resolve(`sk-${n}`));
    expect(await node.principals.resolve("sk-4")).toEqual({ type: "unavailable" });
    expect(node.asked).toHaveLength(3);
    clock.advance(2_000);
    for (const each of await Promise.all(asked)) expect(each).toEqual({ type: "unavailable" });
    node.accounts.close();
  });
});

describe("strangers", () => {
  it("are remembered for a second, and told apart from good keys however many they are", async () => {
    const { secret } = await issue();
    const node = await openNode({ ...DEFAULT_ACCOUNTS, keys: 5, unknownKeys: 2 });
    await node.principals.resolve(secret);
    for (let n = 0; n < 50; n++) expect(await typeOf(node, `made-up-${n}`)).toBe("unknown");
    expect(node.principals.resolve(secret)).toMatchObject({ type: "known" });
    expect(node.principals.resolve("made-up-49")).toEqual({ type: "unknown" });
    expect(node.principals.resolve("made-up-1")).toBeInstanceOf(Promise);
    clock.advance(1_000);
    expect(node.principals.resolve("made-up-49")).toBeInstanceOf(Promise);
    node.accounts.close();
    clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  });

  it("become known when their secret is adopted", async () => {
    expect(await typeOf(here, "hk-of-old-0123456789")).toBe("unknown");
    const sha256 = secretDigest("hk-of-old-0123456789");
    expect(await here.accounts.adopt({ account: "ben", sha256 }, TERMS)).toMatchObject({ account: "ben" });
    expect(await here.accounts.adopt({ account: "ben", sha256 }, TERMS)).toBeUndefined();
    expect(await here.principals.resolve("hk-of-old-0123456789")).toMatchObject({ principal: { account: "ben" } });
  });
});

it("are forgotten so long after they have ended as the operator says", async () => {
  const DAY_MS = 86_400_000;
  const node = await openNode({ ...DEFAULT_ACCOUNTS, endedKeyDays: 2 });
  const { key } = await issue();
  await here.accounts.revokeKey(key.id);
  const later = async (ms: number): Promise<number> => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
    return (await database.accounts.listKeys({ limit: 9 })).length;
  };
  here.accounts.close();
  elsewhere.accounts.close();
  expect(await later(2 * DAY_MS)).toBe(1);
  expect(await later(3_600_000)).toBe(0);
  node.accounts.close();
});
