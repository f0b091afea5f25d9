import { seededRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type SignedIn, SignIn } from "../accounts/sign-in.js";
import { DeviceGrants } from "../enrolment/device-grants.js";
import { GuessLimiter } from "../enrolment/guess-limiter.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { clusterKeysOf } from "./cluster-keys.js";
import { connectRedis } from "./redis.js";
import { RedisEntries } from "./redis-entries.js";
import { RedisKeys } from "./redis-keys.js";
import { RedisReplays } from "./redis-replays.js";
import { SharedNews } from "./shared-news.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";

const log = createLogger("silent");
const SIGN_IN = { sessionMs: 60_000, sessions: 10, linkMs: 60_000 };
const REQUEST = { identity: "i", name: "n", platform: "p", agentVersion: "1.0.0" };

describe.skipIf(!(await hasRedis()))("what nodes remember together, on a real Redis", () => {
  let scratch: ScratchRedis;
  let open: Disposable[];
  let secrets = 0;

  beforeEach(() => {
    scratch = scratchRedis();
    open = [];
  });
  afterEach(async () => {
    for (const each of open) each[Symbol.dispose]();
    await scratch.clear();
  });

  async function node(id: string, secret = "s") {
    const keys = new RedisKeys(scratch.prefix);
    const redis = connectRedis(scratch, { log, rng: seededRng(1) });
    await redis.tried();
    const newsKey = clusterKeysOf(secret).news;
    const entries = new RedisEntries({
      ...{ redis, keys, newsKey, log, clock: systemClock },
      tell: (...told) => news.tell(...told),
    });
    const news: SharedNews = new SharedNews({
      ...{ redis, keys, newsKey, log, clock: systemClock, self: { id }, isReachable: () => true },
      hooks: {
        news: (topic, about) => entries.hear(topic as "entries", about),
        missed: () => entries.readAll(),
      },
    });
    open.push(news, { [Symbol.dispose]: () => redis.close() });
    await news.listening;
    const newSecret = (prefix: string): string => `${prefix}${"abcdefghijkmnpqrstuvwxyz".repeat(2)}${secrets++}`;
    return {
      redis,
      replays: new RedisReplays(redis, keys),
      signIn: new SignIn(systemClock, () => SIGN_IN, { sessions: entries.of("sessions"), links: entries.of("links") }),
      grants: new DeviceGrants(systemClock, newSecret, entries.of("grants")),
      guesses: new GuessLimiter(systemClock, () => ({ wrongGuesses: 2, guessWindowMs: 60_000 }), entries.counts("g")),
    };
  }

  const digestOf = (who: SignedIn | undefined): string | undefined => (who?.type === "key" ? who.digest : undefined);

  it("signs in on one who opened the page on the other, and out", async () => {
    const [a, b] = [await node("a"), await node("b")];
    const { id } = a.signIn.open({ type: "key", digest: "digest" });
    await vi.waitUntil(() => digestOf(b.signIn.find(id)) === "digest");
    expect(b.signIn.endOf(id)).toBe(a.signIn.endOf(id));
    const later = await node("c");
    await vi.waitUntil(() => digestOf(later.signIn.find(id)) === "digest");
    b.signIn.close(id);
    await vi.waitUntil(
      () => digestOf(a.signIn.find(id)) === undefined && digestOf(later.signIn.find(id)) === undefined,
    );
  });

  it("knows whom an identity provider vouches for on every node", async () => {
    const [a, b] = [await node("a"), await node("b")];
    const person = { id: "oidc:anna", name: "Anna", operator: "read" as const, account: undefined };
    const { id } = a.signIn.open({ type: "person", person });
    expect(await vi.waitUntil(() => b.signIn.find(id))).toEqual({ type: "person", person });
  });

  it("takes a link once, wherever it is opened", async () => {
    const [a, b] = [await node("a"), await node("b")];
    const { id } = a.signIn.link({ type: "key", digest: "digest" });
    await vi.waitUntil(async () => (await a.redis.commands.hlen(`${scratch.prefix}{entries}:links`)) === 1);
    await vi.waitUntil(() => digestOf(b.signIn.redeem(id)) === "digest");
    await vi.waitUntil(async () => (await a.redis.commands.hlen(`${scratch.prefix}{entries}:links`)) === 0);
    await vi.waitUntil(() => a.signIn.redeem(id) === undefined);
  });

  it("lets a machine that asked one be approved on another, and ask a third", async () => {
    const [a, b, c] = [await node("a"), await node("b"), await node("c")];
    const codes = a.grants.open(REQUEST, "192.0.2.1");
    if (codes.type !== "granted") throw new Error("no code");
    const { userCode } = codes.grant;
    await vi.waitUntil(() => b.grants.find(userCode) !== undefined);
    b.grants.decide(userCode, { type: "approved", account: "acc" });
    const polled = await vi.waitUntil(() => {
      const poll = c.grants.poll(codes.deviceCode);
      return poll.type === "approved" ? poll : undefined;
    });
    expect(polled).toMatchObject({ account: "acc", grant: { request: REQUEST, address: "192.0.2.1" } });
    await vi.waitUntil(() => a.grants.poll(codes.deviceCode).type === "unknown");
  });

  it("counts wrong guesses together", async () => {
    const [a, b] = [await node("a"), await node("b")];
    a.guesses.wrong("address 192.0.2.1");
    b.guesses.wrong("address 192.0.2.1");
    await vi.waitUntil(
      () => a.guesses.blockedMs("address 192.0.2.1") > 0 && b.guesses.blockedMs("address 192.0.2.1") > 0,
    );
  });

  it("opens what is sealed once", async () => {
    const [a, b] = [await node("a"), await node("b")];
    const key = Buffer.alloc(32, 1);
    const claims = await Promise.all([
      a.replays.claim(key),
      b.replays.claim(key),
      a.replays.claim(Buffer.alloc(32, 2)),
    ]);
    expect(claims.filter((isFirst) => isFirst)).toHaveLength(2);
    a.redis.close();
    await expect(a.replays.claim(key)).rejects.toThrow();
  });

  it("signs nobody in for who can write to Redis and does not know the secret", async () => {
    const [a, stranger] = [await node("a"), await node("x", "other")];
    const { id } = stranger.signIn.open({ type: "key", digest: "digest" });
    await vi.waitUntil(async () => (await a.redis.commands.hlen(`${scratch.prefix}{entries}:sessions`)) === 1);
    const later = await node("c");
    const own = later.signIn.open({ type: "key", digest: "own" });
    await vi.waitUntil(() => digestOf(a.signIn.find(own.id)) === "own");
    expect([digestOf(a.signIn.find(id)), digestOf(later.signIn.find(id))]).toEqual([undefined, undefined]);
  });
});
