import { describe, expect, it } from "vitest";
import { type SlotLease, SlotPool } from "./slot-pool.js";

const any = (): number => 0;
const never = new AbortController().signal;

async function take(pool: SlotPool<string>, preference: (slot: string) => number = any): Promise<SlotLease<string>> {
  const admission = await pool.acquire(preference, never);
  if (admission.type !== "admitted") throw new Error(admission.type);
  return admission.lease;
}

describe("SlotPool", () => {
  it("hands out the preferred idle slot, and the one idle longest among equals", async () => {
    const pool = new SlotPool(["a", "b", "c"], 1);
    expect((await take(pool, (slot) => (slot === "b" ? 1 : 0))).slot).toBe("b");
    const a = await take(pool);
    expect(a.slot).toBe("a");
    a[Symbol.dispose]();
    expect((await take(pool)).slot).toBe("c");
  });

  it("gives a freed slot to whoever waits longest", async () => {
    const pool = new SlotPool(["a"], 2);
    const first = await take(pool);
    const order: string[] = [];
    const waiting = ["second", "third"].map(async (name) => {
      const lease = await take(pool);
      order.push(name);
      lease[Symbol.dispose]();
    });
    expect(pool.counts).toEqual({ running: 1, idle: 0, queued: 2 });
    first[Symbol.dispose]();
    await Promise.all(waiting);
    expect(order).toEqual(["second", "third"]);
    expect(pool.counts).toEqual({ running: 0, idle: 1, queued: 0 });
  });

  it("refuses whoever would make the queue longer than its bound", async () => {
    const pool = new SlotPool(["a"], 1);
    await take(pool);
    void pool.acquire(any, never);
    expect(await pool.acquire(any, never)).toEqual({ type: "full" });
  });

  it("forgets whoever gives up waiting", async () => {
    const pool = new SlotPool(["a"], 1);
    const lease = await take(pool);
    const abort = new AbortController();
    const waiting = pool.acquire(any, abort.signal);
    abort.abort();
    expect(await waiting).toEqual({ type: "cancelled" });
    lease[Symbol.dispose]();
    expect(pool.counts).toEqual({ running: 0, idle: 1, queued: 0 });
  });

  it("takes a slot back once, however often its lease is disposed of", async () => {
    const pool = new SlotPool(["a"], 1);
    const lease = await take(pool);
    lease[Symbol.dispose]();
    lease[Symbol.dispose]();
    expect(pool.counts).toEqual({ running: 0, idle: 1, queued: 0 });
  });
});
