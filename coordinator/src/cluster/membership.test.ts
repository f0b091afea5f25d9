import { seededRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { Membership, type NodeFacts } from "./membership.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { hasRedis, type ScratchRedis, scratchRedis } from "./testing/scratch-redis.js";

const log = createLogger("silent");
const HEARTBEAT_MS = 100;

const factsOf = (id: string, changes: Partial<NodeFacts> = {}): NodeFacts => ({
  ...{ id, epoch: 1, address: "ws://127.0.0.1:1", capacity: 10, providers: 0, draining: false },
  ...{ versions: { min: 1, max: 1 }, published: 0, ...changes },
});

describe.skipIf(!(await hasRedis()))("membership, on a real Redis", () => {
  let scratch: ScratchRedis;
  const open: { readonly member: Membership; readonly redis: RedisConnections }[] = [];

  beforeEach(() => {
    scratch = scratchRedis();
  });
  afterEach(async () => {
    for (const { member } of open) await member.leave();
    for (const { redis } of open.splice(0)) redis.close();
    await scratch.clear();
  });

  function memberOf(facts: () => NodeFacts, hooks: Partial<ConstructorParameters<typeof Membership>[0]["hooks"]> = {}) {
    const redis = connectRedis(scratch, { log, rng: seededRng(1) });
    const member = new Membership({
      ...{ redis, log, facts, clock: systemClock },
      settings: { prefix: scratch.prefix, heartbeatMs: HEARTBEAT_MS },
      hooks: { read() {}, reachable() {}, ...hooks },
    });
    open.push({ member, redis });
    return { member, redis };
  }

  it("knows who else is there, as they are now, from the moment that they join to the one that they leave", async () => {
    let draining = false;
    const a = memberOf(() => factsOf("a"));
    const b = memberOf(() => factsOf("b", { epoch: 7, draining }));
    await a.member.join();
    expect(a.member.others.size).toBe(0);
    await b.member.join();
    await vi.waitUntil(() => a.member.others.get("b")?.epoch === 7);
    expect([...b.member.others.keys()]).toEqual(["a"]);
    draining = true;
    await b.member.announce();
    await vi.waitUntil(() => a.member.others.get("b")?.draining === true);
    await b.member.leave();
    await vi.waitUntil(() => a.member.others.size === 0);
  });

  it("counts a node as gone that has said nothing for three heartbeats", async () => {
    const a = memberOf(() => factsOf("a"));
    const b = memberOf(() => factsOf("b"));
    await b.member.join();
    await a.member.join();
    expect(a.member.others.has("b")).toBe(true);
    b.redis.close();
    await vi.waitUntil(() => a.member.others.size === 0);
  });

  it("gives a name to the youngest process that has it, and lets no older one take it away", async () => {
    const watcher = memberOf(() => factsOf("w"));
    const older = memberOf(() => factsOf("a", { epoch: 1 }));
    const younger = memberOf(() => factsOf("a", { epoch: 2 }));
    await older.member.join();
    await younger.member.join();
    await watcher.member.join();
    await older.member.beat();
    await watcher.member.beat();
    expect(watcher.member.others.get("a")?.epoch).toBe(2);
    await older.member.leave();
    await watcher.member.beat();
    expect(watcher.member.others.get("a")?.epoch).toBe(2);
  });

  it("says when Redis does not answer any more, and when it does again", async () => {
    const told: boolean[] = [];
    const { member, redis } = memberOf(() => factsOf("a"), { reachable: (is) => told.push(is) });
    await member.join();
    redis.commands.disconnect();
    await vi.waitUntil(() => told.length === 2);
    await redis.commands.connect();
    await vi.waitUntil(() => told.length === 3);
    expect(told).toEqual([true, false, true]);
    expect(member.isReachable).toBe(true);
  });

  it("takes what it does not understand for nobody", async () => {
    const { member, redis } = memberOf(() => factsOf("a"));
    await member.join();
    const alive = `${scratch.prefix}{nodes}:alive`;
    await redis.commands.zadd(alive, Date.now() + 60_000, "strange");
    await redis.commands.hset(`${scratch.prefix}{nodes}:facts`, "strange", '{"epoch":1,"id":"strange"}');
    await member.beat();
    expect(member.others.size).toBe(0);
  });
});
