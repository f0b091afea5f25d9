import { seededRng } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisKeys } from "./redis-keys.js";
import { SlotLeases, type SlotLeasesDeps } from "./slot-leases.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";

describe.skipIf(!(await hasRedis()))("leases of slots, on a real Redis", () => {
  let scratch: ScratchRedis;
  let redis: RedisConnections;
  let keys: RedisKeys;
  let epoch: number;
  let machines = 0;
  let provider: ProviderId;
  const open: SlotLeases[] = [];

  beforeAll(async () => {
    scratch = scratchRedis();
    keys = new RedisKeys(scratch.prefix);
    redis = connectRedis(scratch, { log: createLogger("silent"), rng: seededRng(1) });
    await redis.tried();
  });
  afterAll(async () => {
    for (const each of open) each[Symbol.dispose]();
    redis.close();
    await scratch.clear();
  });
  beforeEach(async () => {
    provider = `prv_${machines++}` as ProviderId;
    epoch = Number(await redis.commands.claimProvider(keys.machine(provider), "owner", 60_000));
    await announce({ capacity: 2, used: 0 });
  });

  function announce({ capacity = 2, used = 0, draining = 0, facts = "facts" }): Promise<number> {
    const said = ["owner", epoch, 60_000, draining, "state", facts, "m", capacity, used] as const;
    return redis.commands.announceProvider(keys.machine(provider), ...said);
  }

  function leasesOf(changes: Partial<SlotLeasesDeps> = {}): SlotLeases {
    const leases = new SlotLeases({ redis, keys, clock: systemClock, ...changes });
    open.push(leases);
    return leases;
  }
  const wanted = (attempt: string, changes = {}) => ({ provider, epoch, model: "m", attempt, ...changes });
  const typeOf = async (result: Promise<{ readonly type: string; readonly why?: string }>): Promise<string> => {
    const { type, why } = await result;
    return why ?? type;
  };

  it("gives out as many as there are, and no more, whoever asks", async () => {
    const [one, other] = [leasesOf(), leasesOf()];
    const asked = Array.from({ length: 20 }, (_, n) => typeOf((n % 2 ? one : other).reserve(wanted(`a${n}`))));
    const results = await Promise.all(asked);
    expect(results.filter((each) => each === "leased")).toHaveLength(2);
    expect(results.filter((each) => each === "full")).toHaveLength(18);
    expect(one.size + other.size).toBe(2);
  });

  it("counts what the machine's own node says that it uses itself", async () => {
    await announce({ capacity: 2, used: 1, facts: "" });
    const leases = leasesOf();
    expect(await typeOf(leases.reserve(wanted("a")))).toBe("leased");
    expect(await typeOf(leases.reserve(wanted("b")))).toBe("full");
  });

  it("gives one slot to one attempt, however often it is asked for, with a greater token each time", async () => {
    const leases = leasesOf();
    const results = [
      await leases.reserve(wanted("a")),
      await leases.reserve(wanted("a")),
      await leases.reserve(wanted("b")),
    ];
    const fences = results.map((result) => (result.type === "leased" ? result.fence : 0));
    expect(fences).toEqual([...new Set(fences)].toSorted((x, y) => x - y));
    expect(await redis.commands.zcard(keys.leases(provider, "m"))).toBe(2);
  });

  it("has a slot again as soon as it was given back, once", async () => {
    const leases = leasesOf();
    for (const attempt of ["a", "b"]) await leases.reserve(wanted(attempt));
    leases.release(wanted("a"));
    leases.release(wanted("a"));
    await vi.waitUntil(async () => (await redis.commands.zcard(keys.leases(provider, "m"))) === 1);
    expect(await typeOf(leases.reserve(wanted("c")))).toBe("leased");
    expect(await typeOf(leases.reserve(wanted("d")))).toBe("full");
  });

  it("refuses who speaks of an older connection, or of a machine that is to get nothing new", async () => {
    const leases = leasesOf();
    expect(await typeOf(leases.reserve(wanted("a", { epoch: epoch - 1 })))).toBe("moved");
    await announce({ draining: 1, facts: "" });
    expect(await typeOf(leases.reserve(wanted("a")))).toBe("draining");
    expect(await typeOf(leases.reserve(wanted("a", { provider: "prv_nobody" })))).toBe("moved");
  });

  it("ends a lease that nobody renews, and keeps one that is renewed", async () => {
    const forgetful = leasesOf({ leaseMs: 150, renewMs: 60_000 });
    const careful = leasesOf({ leaseMs: 150, renewMs: 40 });
    await forgetful.reserve(wanted("a"));
    await careful.reserve(wanted("b"));
    const later = leasesOf();
    await vi.waitUntil(async () => (await typeOf(later.reserve(wanted("c")))) === "leased");
    expect(await redis.commands.zscore(keys.leases(provider, "m"), "b")).not.toBeNull();
    expect(await typeOf(later.reserve(wanted("d")))).toBe("full");
  });

  it("gives no epoch and no token twice, also where the server has forgotten all", async () => {
    const leases = leasesOf();
    const before = await leases.reserve(wanted("a"));
    await redis.commands.del(keys.machine(provider), keys.leases(provider, "m"));
    const again = Number(await redis.commands.claimProvider(keys.machine(provider), "owner", 60_000));
    expect(again).toBeGreaterThan(epoch);
    epoch = again;
    await announce({});
    const after = await leases.reserve(wanted("b"));
    expect(before.type === "leased" && after.type === "leased" && after.fence > before.fence).toBe(true);
  });

  it("says that Redis is away where it does not answer, and does not throw", async () => {
    const broken = connectRedis(scratch, { log: createLogger("silent"), rng: seededRng(1) });
    await broken.tried();
    broken.close();
    expect(await typeOf(leasesOf({ redis: broken }).reserve(wanted("a")))).toBe("away");
  });
});
