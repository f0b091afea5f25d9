import { seededRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { clusterKeysOf } from "./cluster-keys.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisKeys } from "./redis-keys.js";
import { SharedNews } from "./shared-news.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";

const log = createLogger("silent");

describe.skipIf(!(await hasRedis()))("news between nodes, on a real Redis", () => {
  let scratch: ScratchRedis;
  let open: { readonly news: SharedNews; readonly redis: RedisConnections }[];

  beforeEach(() => {
    scratch = scratchRedis();
    open = [];
  });
  afterEach(async () => {
    for (const { news, redis } of open) {
      news[Symbol.dispose]();
      redis.close();
    }
    await scratch.clear();
  });

  async function node(id: string, { secret = "s", isReachable = true } = {}) {
    const heard: string[] = [];
    const redis = connectRedis(scratch, { log, rng: seededRng(1) });
    await redis.tried();
    const news = new SharedNews({
      ...{ redis, log, clock: systemClock, self: { id } },
      keys: new RedisKeys(scratch.prefix),
      newsKey: clusterKeysOf(secret).news,
      isReachable: () => isReachable,
      hooks: { news: (topic, about) => heard.push(`${topic} ${about}`), missed: () => heard.push("missed") },
    });
    open.push({ news, redis });
    await news.listening;
    return { news, redis, heard };
  }

  it("reach all others, and not the one that tells them", async () => {
    const [a, b, c] = [await node("a"), await node("b"), await node("c")];
    a.news.tell("machine_tokens", "mach_1");
    a.news.tell("operator", "");
    await vi.waitUntil(() => b.heard.length === 2 && c.heard.length === 2);
    expect(b.heard).toEqual(["machine_tokens mach_1", "operator "]);
    expect(a.heard).toEqual([]);
  });

  it("are believed of nobody who does not know the secret", async () => {
    const [a, stranger, b] = [await node("a"), await node("x", { secret: "other" }), await node("b")];
    stranger.news.tell("distrust", "prv_1");
    a.news.tell("distrust", "prv_2");
    await vi.waitUntil(() => b.heard.length > 0);
    expect(b.heard).toEqual(["distrust prv_2"]);
  });

  it("that were missed are noticed, by the next ones or by their count", async () => {
    const [a, b] = [await node("a"), await node("b")];
    a.news.tell("operator", "1");
    await vi.waitUntil(() => b.heard.length === 1);
    // Told while nobody listens.
    await a.redis.commands.incr(new RedisKeys(scratch.prefix).news.count);
    a.news.tell("operator", "2");
    await vi.waitUntil(() => b.heard.includes("missed"));
    b.heard.length = 0;
    await a.redis.commands.incr(new RedisKeys(scratch.prefix).news.count);
    await vi.waitUntil(() => b.heard.includes("missed"), { timeout: 10_000 });
  });

  it("are not waited for while Redis is away: all is read anew within 5 s", async () => {
    const { heard } = await node("a", { isReachable: false });
    await vi.waitUntil(() => heard.includes("missed"), { timeout: 10_000 });
  });
});
