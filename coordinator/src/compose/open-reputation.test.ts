import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import type { DocumentStore } from "../store/document-store.js";
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
async function run(
  afterMs: number,
  documents: DocumentStore = store.documents,
  node = "one",
): Promise<KeptReputation & { clock: FakeClock }> {
  const clock = new FakeClock();
  clock.pause(WALL_MS + afterMs);
  return { ...(await openReputation({ clock, log: createLogger("silent"), documents, node })), clock };
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
    expect(await store.documents.get("reputation/one")).toBeUndefined();
    reputation.add(A, "lost_race");
    clock.advance(59_999);
    expect(await store.documents.get("reputation/one")).toBeUndefined();
    clock.advance(1);
    await expect.poll(() => store.documents.get("reputation/one")).toContain("lost_race");
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
    await store.documents.put("reputation/one", stored);
    const { reputation, stop } = await run(0);
    expect(reputation.standing(A).score).toBe(100);
    reputation.add(A, "late");
    expect(await stop()).toEqual([]);
    expect((await run(0)).reputation.standing(A).score).toBe(83);
  });

  it("are told as lost at the end where the store does not take them, and keep nobody from going on before", async () => {
    let isFull = true;
    const documents: DocumentStore = {
      ...store.documents,
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

  it("are kept by each coordinator for itself, and read together at a start", async () => {
    const [one, two] = [await run(0), await run(0, store.documents, "two")];
    one.reputation.add(A, "failed_after_content");
    two.reputation.add(B, "late");
    await one.stop();
    await two.stop();
    const again = await run(0);
    expect([again.reputation.standing(A).score, again.reputation.standing(B).score]).toEqual([50, 83]);
  });

  it("hold a machine's fault against it once, however often coordinators have read it of each other", async () => {
    const one = await run(0);
    one.reputation.add(A, "failed_after_content");
    await one.stop();
    const two = await run(HALF_LIFE_MS, store.documents, "two");
    two.reputation.add(B, "late");
    await two.stop();
    const again = await run(HALF_LIFE_MS);
    expect(again.reputation.standing(A).reasons).toEqual({ failed_after_content: { count: 1, ms: 1_500 } });
  });

  it("count by what weighs more where several coordinators hold the same against a machine", async () => {
    // The last one knows nothing of what the others have written since it started.
    const runs = await Promise.all(["one", "two", "three"].map((node) => run(0, store.documents, node)));
    for (const [n, times] of [1, 2, 1].entries()) {
      for (let more = 0; more < times; more++) runs[n]?.reputation.add(A, "late");
      await runs[n]?.stop();
    }
    expect((await run(0)).reputation.standing(A).reasons).toEqual({ late: { count: 2, ms: 2_000 } });
  });

  it("leave nothing of coordinators that are long gone, nor of more than some others", async () => {
    const DAY_MS = 86_400_000;
    const names = async (): Promise<readonly string[]> => (await store.documents.list("")).map(({ name }) => name);
    const write = async (afterMs: number, node: string): Promise<void> => {
      const { reputation, stop } = await run(afterMs, store.documents, node);
      reputation.add(A, "late");
      await stop();
    };
    await store.documents.put("reputation/broken", "{");
    await store.documents.put("runtime-manifest", "{}");
    await write(0, "gone");
    await write(DAY_MS, "one");
    await write(7 * DAY_MS, "two");
    expect(await names()).toEqual(["reputation/gone", "reputation/one", "reputation/two", "runtime-manifest"]);
    await run(7 * DAY_MS + 1);
    expect(await names()).toEqual(["reputation/one", "reputation/two", "runtime-manifest"]);
    const { json = "" } = (await store.documents.list("reputation/two"))[0] ?? {};
    for (let n = 10; n < 75; n++)
      await store.documents.put(`reputation/m${n}`, json.replace(/\d+/, String(WALL_MS + n)));
    await run(7 * DAY_MS);
    expect(await names()).toHaveLength(1 + 64 + 1);
    expect(await names()).not.toContain("reputation/m11");
  });
});
