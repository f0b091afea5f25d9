import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { MemoryRateLimiter, type RateLimiter, type Taken } from "../accounts/rate-limiter.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisKeys } from "./redis-keys.js";
import { RedisRateLimiter } from "./redis-rate-limiter.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";

const isHere = await hasRedis();
let scratch: ScratchRedis;
let redis: RedisConnections;

beforeAll(async () => {
  if (!isHere) return;
  scratch = scratchRedis();
  redis = connectRedis(scratch, { log: createLogger("silent"), rng: seededRng(1) });
  await redis.tried();
});
afterAll(async () => {
  if (!isHere) return;
  redis.close();
  await scratch.clear();
});

function shared(isReachable = true): RateLimiter {
  const keys = new RedisKeys(scratch.prefix);
  return new RedisRateLimiter({ redis, keys, clock: systemClock, nodes: () => 3, isReachable: () => isReachable });
}

let limits = 0;
/** So slow that nothing is given back while a test runs. */
const limitOf = (perMinute = 10) => ({ name: `limit ${limits++}`, perMinute });

const PLACES: readonly { readonly name: string; readonly isThere: boolean; readonly make: () => RateLimiter }[] = [
  { name: "memory", isThere: true, make: () => new MemoryRateLimiter(new FakeClock()) },
  { name: "Redis", isThere: isHere, make: shared },
];

describe.each(PLACES)("a limit in $name", ({ isThere, make }) => {
  const on = it.skipIf(!isThere);

  async function take(limiter: RateLimiter, limit: ReturnType<typeof limitOf>, cost: number): Promise<Taken> {
    const standing = await limiter.take(limit, cost);
    if (!standing.allowed) throw new Error(`refused for ${standing.retryMs} ms`);
    return standing.taken;
  }

  on("lets a minute's worth through, and says when there is more", async () => {
    const [limiter, limit] = [make(), limitOf()];
    for (let n = 9; n >= 0; n--) expect(await limiter.take(limit, 1)).toMatchObject({ allowed: true, remaining: n });
    const refused = await limiter.take(limit, 1);
    expect(refused).toMatchObject({ allowed: false, remaining: 0 });
    expect(refused.allowed ? 0 : refused.retryMs).toBeGreaterThan(1_000);
    expect(refused.allowed ? 0 : refused.retryMs).toBeLessThanOrEqual(6_000);
    expect(refused.resetMs).toBeLessThanOrEqual(60_000);
  });

  on("takes nothing of what it refuses, and counts each limit by itself", async () => {
    const [limiter, limit] = [make(), limitOf()];
    await take(limiter, limit, 9);
    expect(await limiter.take(limit, 2)).toMatchObject({ allowed: false, remaining: 1 });
    await take(limiter, limit, 1);
    await take(limiter, limitOf(), 10);
  });

  on("lets what is larger than the limit through when nothing else was taken", async () => {
    const [limiter, limit] = [make(), limitOf()];
    await take(limiter, limit, 1_000);
    expect((await limiter.take(limit, 1)).allowed).toBe(false);
  });

  on("gives back what was not needed, once, and takes what was needed beside", async () => {
    const [limiter, limit] = [make(), limitOf()];
    const first = await take(limiter, limit, 10);
    first.cameTo(4);
    first.cameTo(0);
    const second = await take(limiter, limit, 6);
    expect((await limiter.take(limit, 1)).allowed).toBe(false);
    second.cameTo(9);
    await vi.waitUntil(async () => {
      const refused = await limiter.take(limit, 1);
      return !refused.allowed && refused.retryMs > 15_000;
    });
  });
});

describe.skipIf(!isHere)("limits that nodes share", () => {
  it("are one, whichever node is asked", async () => {
    const [one, other, limit] = [shared(), shared(), limitOf()];
    const asked = await Promise.all(Array.from({ length: 30 }, (_, n) => (n % 2 ? one : other).take(limit, 1)));
    expect(asked.filter(({ allowed }) => allowed)).toHaveLength(10);
  });

  it("are divided by the nodes while Redis is away, and never nothing", async () => {
    const [alone, limit] = [shared(false), limitOf()];
    const asked = await Promise.all(Array.from({ length: 10 }, () => alone.take(limit, 1)));
    expect(asked.filter(({ allowed }) => allowed)).toHaveLength(3);
    expect((await alone.take(limitOf(1), 1)).allowed).toBe(true);
  });
});
