import { beforeEach, describe, expect, it } from "vitest";
import type { NoticeTarget, OwnMessage } from "./notice-store.js";
import type { Store } from "./store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const target = (account: string, given: Partial<NoticeTarget> = {}): NoticeTarget => ({
  account,
  url: `https://${account}.example/hook`,
  format: "json",
  secret: "whsec_x",
  events: ["machine.offline", "payout.paid"],
  sinceMs: 1_000,
  ...given,
});

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: Store;
  let other: Store;
  beforeEach(() => {
    store = place().store;
    other = place().other;
  });

  const tell = (id: string, account: string, given: { readonly kind?: string; readonly nowMs?: number } = {}) =>
    store.ledger.addMessage({
      ...{ id, kind: "machine.offline", payload: JSON.stringify({ account, machine: id }), nowMs: 2_000, ...given },
      isForOwners: true,
    });
  const spread = (given: { readonly fromMs?: number; readonly nowMs?: number; readonly mostAnHour?: number } = {}) =>
    store.notices.spread({ fromMs: 0, nowMs: 5_000, mostAnHour: 100, ...given });
  const ids = (messages: readonly OwnMessage[]): readonly string[] => messages.map(({ id }) => id);
  const due = async (nowMs = 5_000): Promise<readonly string[]> => ids(await store.notices.due(nowMs, 10));

  it("keeps what an account wants to hear, one word at a time, until it is taken away", async () => {
    expect(await store.notices.findTarget("anna")).toBeUndefined();
    await store.notices.putTarget(target("anna"));
    await other.notices.putTarget(target("anna", { url: "https://b.example", format: "slack", events: [] }));
    await store.notices.putTarget(target("ben"));
    const kept = target("anna", { url: "https://b.example", format: "slack", events: [] });
    expect(await store.notices.findTarget("anna")).toEqual({ ...kept, last: undefined });
    expect(await store.notices.listTargets()).toEqual([kept, target("ben")]);
    await store.notices.tested("anna", { atMs: 7_000, failure: "no_answer" });
    expect(await store.notices.findTarget("anna")).toMatchObject({ last: { atMs: 7_000, failure: "no_answer" } });
    expect(await store.notices.removeTarget("anna")).toBe(true);
    expect(await store.notices.removeTarget("anna")).toBe(false);
    expect(await other.notices.listTargets()).toEqual([target("ben")]);
  });

  it("tells each account of its own things, of what it has chosen, and of nothing before that", async () => {
    await store.notices.putTarget(target("anna"));
    await store.notices.putTarget(target("ben"));
    await tell("early", "anna", { nowMs: 999 });
    await tell("a1", "anna");
    await tell("a2", "anna", { kind: "machine.fenced" });
    await tell("b1", "ben", { nowMs: 3_000 });
    await tell("c1", "cleo", { nowMs: 4_000 });
    expect(await spread()).toBe(4_000);
    expect(await store.notices.due(5_000, 10)).toEqual([
      expect.objectContaining({ id: "own_a1", account: "anna", kind: "machine.offline", createdAtMs: 2_000 }),
      expect.objectContaining({ id: "own_b1", account: "ben", payload: '{"account":"ben","machine":"b1"}' }),
    ]);
    expect(await spread({ fromMs: 4_001 })).toBeUndefined();
  });

  it("makes a message once, however often and by however many it is looked at", async () => {
    await store.notices.putTarget(target("anna"));
    await tell("a1", "anna");
    await Promise.all([spread(), other.notices.spread({ fromMs: 0, nowMs: 5_000, mostAnHour: 100 })]);
    await store.notices.tried("own_a1", { deliveredAtMs: 6_000 });
    await spread();
    expect(await due(9_000)).toEqual([]);
    expect(await store.notices.findTarget("anna")).toMatchObject({ last: { atMs: 6_000, failure: undefined } });
  });

  it("is no message of the operator's", async () => {
    await tell("a1", "anna");
    expect(await store.ledger.dueMessages(9_000, 10)).toEqual([]);
  });

  it("has no more of an account within an hour than its bound", async () => {
    await store.notices.putTarget(target("anna"));
    for (let n = 0; n < 4; n++) await tell(`a${n}`, "anna", { nowMs: 2_000 + n });
    await spread({ mostAnHour: 2 });
    await store.notices.tried("own_a0", { deliveredAtMs: 5_000 });
    expect(await due()).toEqual(["own_a1"]);
    await store.notices.tried("own_a1", { deliveredAtMs: 5_000 });
    expect(await due()).toEqual([]);
  });

  it("has all messages of an account wait that takes none, and others not", async () => {
    await store.notices.putTarget(target("anna"));
    await store.notices.putTarget(target("ben"));
    for (const id of ["a1", "a2"]) await tell(id, "anna");
    await tell("b1", "ben");
    await spread();
    expect(await due()).toEqual(["own_a1", "own_b1"]);
    await store.notices.tried("own_a1", { triedAtMs: 5_000, nextAtMs: 8_000, failure: "status_500" });
    expect(await due()).toEqual(["own_b1"]);
    expect(await store.notices.due(8_000, 10)).toMatchObject([{ id: "own_b1" }, { id: "own_a1", attempts: 1 }]);
    expect(await store.notices.findTarget("anna")).toMatchObject({ last: { atMs: 5_000, failure: "status_500" } });
  });

  it("forgets what is old, and what waits for an account that wants no more", async () => {
    await store.notices.putTarget(target("anna"));
    await store.notices.putTarget(target("ben"));
    await tell("a1", "anna");
    await tell("b1", "ben", { nowMs: 3_000 });
    await spread();
    expect(await store.notices.prune(3_000)).toBe(1);
    expect(await due()).toEqual(["own_b1"]);
    await store.notices.removeTarget("ben");
    expect(await due()).toEqual([]);
  });
});
