import { beforeEach, describe, expect, it } from "vitest";
import type { AdminAction } from "./admin-action-store.js";
import type { Store } from "./store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const action = (id: string, given: Partial<AdminAction> = {}): AdminAction => ({
  id,
  atMs: 1_000,
  keyId: "key_1",
  account: "anna",
  method: "POST",
  route: "/admin/providers/:id/drain",
  target: "prv_1",
  status: 200,
  changes: "",
  ...given,
});

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: Store;
  const ids = async (page: object = {}) => (await store.actions.list({ limit: 10, ...page })).map(({ id }) => id);

  beforeEach(async () => {
    store = place().store;
  });

  it("keeps every member of an action, and none of them ever changes", async () => {
    const changes = '[{"path":"prices.models.ü","before":null,"after":[]}]';
    await store.actions.put(action("a1", { changes }));
    await store.actions.put(action("a1", { status: 500, account: "ben" }));
    expect(await store.actions.list({ limit: 10 })).toEqual([action("a1", { changes })]);
  });

  it("lists the newest first, page by page, and by account and key", async () => {
    await store.actions.put(action("a1"));
    await store.actions.put(action("a3", { account: "ben", keyId: "key_2" }));
    await store.actions.put(action("a2", { atMs: 2_000 }));
    expect(await ids()).toEqual(["a2", "a3", "a1"]);
    expect(await ids({ limit: 1, after: "a2" })).toEqual(["a3"]);
    expect(await ids({ after: "a1" })).toEqual([]);
    expect(await ids({ account: "ben" })).toEqual(["a3"]);
    expect(await ids({ keyId: "key_1" })).toEqual(["a2", "a1"]);
  });

  it("forgets what is too old, then the oldest of too many", async () => {
    for (const [n, atMs] of [1_000, 2_000, 3_000, 4_000].entries()) await store.actions.put(action(`a${n}`, { atMs }));
    expect(await store.actions.prune(2_000, 10)).toBe(1);
    expect(await ids()).toEqual(["a3", "a2", "a1"]);
    expect(await store.actions.prune(2_000, 2)).toBe(1);
    expect(await ids()).toEqual(["a3", "a2"]);
    expect(await store.actions.prune(2_000, 2)).toBe(0);
  });
});
