import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { type KeptReputation, openReputation } from "./open-reputation.js";

const [A, B] = ["a", "b"] as [ProviderId, ProviderId];
const HALF_LIFE_MS = 1_800_000;
const WALL_MS = 1_700_000_000_000;

let store: Store;
beforeEach(() => {
  store = openMemoryStore();
});
afterEach(() => store.close());

/** A run of a coordinator that begins so long after the first: its own clock begins anew, the wall clock does not. */
async function run(afterMs: number, documents = store.documents): Promise<KeptReputation & { clock: FakeClock }> {
  const clock = new FakeClock();
  clock.pause(WALL_MS + afterMs);
  return { ...(await openReputation({ clock, log: createLogger("silent"), documents })), clock };
}

describe("the records of machines", () => {
  it("outlive a restart, and fade while the coordinator is down", async () => {
    const before = await run(0);
    for (let n = 0; n < 2; n++) before.reputation.add(A, "failed_after_content");
    before.reputation.add(B, "late");
    expect(await before.stop()).toEqual([]);
    const after = await run(HALF_LIFE_MS);
    expect(after.reputation.standing(A)).toEqual({
      score: 50,
      reasons: { failed_after_content: { count: 2, ms: 3_000 } },
    });
    expect(after.reputation.standing(B).reasons).toEqual({ late: { count: 1, ms: 125 } });
    expect(await after.stop()).toEqual([]);
    // Nothing was added in that run: what the first wrote still stands.
    expect((await run(2 * HALF_LIFE_MS)).reputation.standing(A).reasons.failed_after_content?.ms).toBe(1_500);
  });

  it("are no older than they were where the wall clock was set back", async () => {
    const before = await run(0);
    before.reputation.add(A, "failed_after_content");
    await before.stop();
    expect((await run(-86_400_000)).reputation.standing(A).reasons.failed_after_content?.ms).toBe(3_000);
  });

  it("are written each minute in which they have changed", async () => {
    const { reputation, clock } = await run(0);
    clock.advance(60_000);
    expect(await store.documents.get("reputation")).toBeUndefined();
    reputation.add(A, "lost_race");
    clock.advance(59_999);
    expect(await store.documents.get("reputation")).toBeUndefined();
    clock.advance(1);
    await expect.poll(() => store.documents.get("reputation")).toContain("lost_race");
  });

  it("are of the machines that were blamed last, so many at most", async () => {
    const before = await run(0);
    for (let n = 0; n < 1_001; n++) before.reputation.add(`p${n}` as ProviderId, "failed_after_content");
    await before.stop();
    const { reputation } = await run(0);
    expect(["p0", "p1", "p1000"].map((id) => reputation.standing(id as ProviderId).score)).toEqual([100, 50, 50]);
  });

  it.each([
    "not JSON",
    "{}",
    '{"written_at":1,"marks":[{"provider":"a","reason":"unheard_of","count":1,"ms":1,"ageMs":0}]}',
  ])("begin anew where what is stored cannot be read: %s", async (stored) => {
    await store.documents.put("reputation", stored);
    const { reputation, stop } = await run(0);
    expect(reputation.standing(A).score).toBe(100);
    reputation.add(A, "late");
    expect(await stop()).toEqual([]);
    expect((await run(0)).reputation.standing(A).score).toBe(83);
  });

  it("are told as lost at the end where the store does not take them, and keep nobody from going on before", async () => {
    let isFull = true;
    const documents = {
      get: (name: string) => store.documents.get(name),
      put: (name: string, json: string) =>
        isFull ? Promise.reject(new Error("full")) : store.documents.put(name, json),
    };
    const first = await run(0, documents);
    first.reputation.add(A, "late");
    first.clock.advance(60_000);
    expect(await first.stop()).toEqual(["the reputation of machines"]);
    isFull = false;
    const second = await run(0, documents);
    second.reputation.add(A, "late");
    expect(await second.stop()).toEqual([]);
    expect(second.clock.pending).toBe(0);
  });
});
