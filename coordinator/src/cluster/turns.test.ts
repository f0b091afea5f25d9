import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../platform/logger.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisKeys } from "./redis-keys.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";
import { Turns } from "./turns.js";

describe.skipIf(!(await hasRedis()))("what one node does for all, on a real Redis", () => {
  let scratch: ScratchRedis;
  let redis: RedisConnections;
  beforeEach(async () => {
    scratch = scratchRedis();
    redis = connectRedis(scratch, { log: createLogger("silent"), rng: seededRng(1) });
    await redis.tried();
  });
  afterEach(async () => {
    redis.close();
    await scratch.clear();
  });

  function node(id: string) {
    const clock = new FakeClock();
    const keys = new RedisKeys(scratch.prefix);
    const turns = new Turns({ redis, keys, clock, self: { id, epoch: 1 } });
    return { clock, turns, isIts: turns.join("webhooks") };
  }

  it("is one's at a time, goes on as long as that one asks, and then is another's", async () => {
    const a = node("a");
    await vi.waitUntil(() => a.isIts());
    const b = node("b");
    a.clock.advance(5_000);
    b.clock.advance(5_000);
    await vi.waitUntil(async () => (await redis.commands.get(`${scratch.prefix}{turn webhooks}`)) === "a 1");
    expect([a.isIts(), b.isIts()]).toEqual([true, false]);
    // The first one is gone, as Redis sees it.
    await redis.commands.del(`${scratch.prefix}{turn webhooks}`);
    b.clock.advance(5_000);
    await vi.waitUntil(() => b.isIts());
    a.clock.advance(5_000);
    await vi.waitUntil(() => !a.isIts());
  });

  it("is nobody's any more when its time is over and Redis does not answer", async () => {
    const a = node("a");
    await vi.waitUntil(() => a.isIts());
    redis.close();
    a.clock.advance(14_999);
    expect(a.isIts()).toBe(true);
    a.clock.advance(1);
    expect(a.isIts()).toBe(false);
  });
});
