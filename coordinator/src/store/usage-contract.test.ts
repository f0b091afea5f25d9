import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "./store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";
import { type RequestUsage, USAGE_PRUNE_BATCH, type UsageDimension, type UsageStore } from "./usage-store.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A whole day, so that stretches begin with it. */
const T0 = 20_000 * DAY;
const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

const used = (requestId: string, given: Partial<RequestUsage> = {}): RequestUsage => ({
  requestId,
  atMs: T0,
  account: "anna",
  keyId: "key_1",
  modelAsked: "small",
  model: "small-q4",
  providerId: "prv_1",
  outcome: "success",
  requests: 1,
  dialect: "chat_completions",
  endpoint: "/v1/chat/completions",
  endUser: "",
  tags: {},
  promptTokens: 10,
  cachedTokens: 4,
  completionTokens: 20,
  estimated: false,
  costMicroUsd: 7,
  durationMs: 900,
  firstContentMs: 300,
  facts: '{"shape":"base"}',
  ...given,
});

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: Store;
  let usage: UsageStore;

  beforeEach(() => {
    store = place().store;
    usage = store.usage;
  });

  const ids = async (given: Partial<Parameters<UsageStore["list"]>[0]> = {}): Promise<string[]> =>
    (await usage.list({ ...EVER, limit: 100, ...given })).map(({ requestId }) => requestId);
  const totals = (
    unit: "minute" | "hour" | "day",
    by: readonly UsageDimension[] = [],
    given: Partial<Parameters<UsageStore["totals"]>[0]> = {},
  ) => usage.totals({ ...EVER, unit, by, limit: 100, ...given });

  it("keeps every member of a request", async () => {
    const all = [
      used("req_1"),
      used("req_2", { firstContentMs: undefined, estimated: true, atMs: T0 + 1 }),
      used("req_3", { endUser: "usr_1", tags: { team: "web", 'a "quoted" one': "\0" }, atMs: T0 + 2 }),
      used("req_4", { outcome: "refused", requests: 12, model: "", providerId: "", atMs: T0 + 3 }),
    ];
    await usage.put(all);
    expect(await usage.list({ ...EVER, limit: 9 })).toEqual([...all].reverse());
  });

  it("counts a request that comes twice once, in one batch and in two", async () => {
    await usage.put([used("req_1"), used("req_1")]);
    await place().other.usage.put([used("req_1"), used("req_2")]);
    expect(await ids()).toEqual(["req_2", "req_1"]);
    expect(await totals("day")).toMatchObject([{ requests: 2, costMicroUsd: 14 }]);
  });

  it("lists newest first, page by page, of whom it is asked", async () => {
    await usage.put([
      used("a", { atMs: T0 + 1 }),
      used("b", { atMs: T0 + 2, account: "ben", keyId: "key_2" }),
      used("c", { atMs: T0 + 2, model: "large" }),
      used("d", { atMs: T0 + 3, providerId: "prv_2" }),
    ]);
    expect(await ids()).toEqual(["d", "c", "b", "a"]);
    expect(await ids({ limit: 2 })).toEqual(["d", "c"]);
    expect(await ids({ limit: 2, after: "c" })).toEqual(["b", "a"]);
    expect(await ids({ after: "nobody" })).toEqual([]);
    expect(await ids({ account: "anna" })).toEqual(["d", "c", "a"]);
    expect(await ids({ keyId: "key_2" })).toEqual(["b"]);
    expect(await ids({ model: "large" })).toEqual(["c"]);
    expect(await ids({ providerId: "prv_2" })).toEqual(["d"]);
    expect(await ids({ fromMs: T0 + 2, toMs: T0 + 3 })).toEqual(["c", "b"]);
  });

  it("lists what is of one end user, one API, one route and one tag", async () => {
    await usage.put([
      used("a", { atMs: T0 + 1, endUser: "usr_1", tags: { team: "web", stage: "50%" } }),
      used("b", { atMs: T0 + 2, endUser: "usr_2", dialect: "responses", endpoint: "/v1/responses/compact" }),
      used("c", { atMs: T0 + 3, endUser: "usr_1", account: "ben", tags: { stage: "501", team: "Web" } }),
      used("d", { atMs: T0 + 4, tags: { 'x"team': "web", x: 'y,"team":"web"' } }),
    ]);
    expect(await ids({ endUser: "usr_1" })).toEqual(["c", "a"]);
    expect(await ids({ endUser: "usr_1", account: "anna" })).toEqual(["a"]);
    expect(await ids({ dialect: "responses" })).toEqual(["b"]);
    expect(await ids({ endpoint: "/v1/responses/compact" })).toEqual(["b"]);
    expect(await ids({ tag: { name: "team", value: "web" } })).toEqual(["a"]);
    expect(await ids({ tag: { name: "stage", value: "50%" } })).toEqual(["a"]);
    expect(await ids({ tag: { name: 'x"team', value: "web" } })).toEqual(["d"]);
    expect(await ids({ tag: { name: "tea", value: "web" } })).toEqual([]);
  });

  it("adds up by minute, hour and day", async () => {
    await usage.put([used("a"), used("b", { atMs: T0 + MINUTE - 1 })]);
    await usage.put([used("c", { atMs: T0 + MINUTE }), used("d", { atMs: T0 + HOUR }), used("e", { atMs: T0 + DAY })]);
    const startsOf = async (unit: "minute" | "hour" | "day") =>
      (await totals(unit)).map(({ startMs, requests }) => [startMs - T0, requests]);
    expect(await startsOf("minute")).toEqual([
      [0, 2],
      [MINUTE, 1],
      [HOUR, 1],
      [DAY, 1],
    ]);
    expect(await startsOf("hour")).toEqual([
      [0, 3],
      [HOUR, 1],
      [DAY, 1],
    ]);
    expect(await startsOf("day")).toEqual([
      [0, 4],
      [DAY, 1],
    ]);
  });

  it("adds up everything that is a number", async () => {
    await usage.put([
      used("a"),
      used("b", { outcome: "failure", firstContentMs: undefined, costMicroUsd: 0 }),
      used("c", { outcome: "in_band_error" }),
      used("d", { outcome: "cancelled" }),
    ]);
    expect(await totals("day")).toEqual([
      {
        startMs: T0,
        requests: 4,
        refused: 0,
        failed: 2,
        cancelled: 1,
        promptTokens: 40,
        cachedTokens: 16,
        completionTokens: 80,
        costMicroUsd: 21,
        durationMs: 3_600,
        answered: 3,
        firstContentMs: 900,
      },
    ]);
  });

  it("tells totals apart by what it is asked to, and leaves out whom it is not asked of", async () => {
    await usage.put([
      used("a"),
      used("b", { account: "ben", keyId: "key_2", costMicroUsd: 1 }),
      used("c", { model: "large", providerId: "prv_2", costMicroUsd: 2 }),
    ]);
    const costs = async (by: readonly UsageDimension[], given: Partial<Parameters<UsageStore["totals"]>[0]> = {}) =>
      (await totals("hour", by, given)).map((row) => [...by.map((each) => row[each]), row.costMicroUsd]);
    expect(await costs(["account"])).toEqual([
      ["anna", 9],
      ["ben", 1],
    ]);
    expect(await costs(["model", "provider"])).toEqual([
      ["large", "prv_2", 2],
      ["small-q4", "prv_1", 8],
    ]);
    expect(await costs(["key"], { account: "anna" })).toEqual([["key_1", 9]]);
    expect(await costs([], { keyId: "key_2" })).toEqual([[1]]);
    expect(await costs([], { model: "large", providerId: "prv_2" })).toEqual([[2]]);
    expect(await costs([], { fromMs: T0 + 1 })).toEqual([]);
  });

  it("adds up what single requests alone tell, as it does what is kept in totals", async () => {
    await usage.put([
      used("a", { endUser: "usr_1" }),
      used("b", { endUser: "usr_1", outcome: "failure", firstContentMs: undefined, atMs: T0 + HOUR }),
      used("c", { endUser: "usr_2", outcome: "cancelled", dialect: "responses", tags: { team: "web" } }),
      used("d", { outcome: "in_band_error", endpoint: "/v1/completions" }),
      used("e", { endUser: "usr_1", outcome: "refused", requests: 5, firstContentMs: undefined, durationMs: 1 }),
    ]);
    const byUser = await totals("hour", ["end_user"]);
    expect(byUser.map((row) => [row.startMs - T0, row.end_user, row.requests, row.refused, row.failed])).toEqual([
      [0, "", 1, 0, 1],
      [0, "usr_1", 1, 5, 0],
      [0, "usr_2", 1, 0, 0],
      [HOUR, "usr_1", 1, 0, 1],
    ]);
    const [kept] = await totals("day");
    for (const by of ["end_user", "dialect", "endpoint"] as const) {
      const told = await totals("day", [by]);
      for (const sum of Object.keys(kept ?? {}).filter((name) => name !== "startMs")) {
        const all = told.reduce((total, row) => total + Number(row[sum as keyof typeof row]), 0);
        expect([sum, all]).toEqual([sum, kept?.[sum as keyof typeof kept]]);
      }
    }
    expect(await totals("day", [], { endUser: "usr_1", fromMs: T0 + 1 })).toEqual([]);
    expect(await totals("hour", [], { endUser: "usr_1", fromMs: T0 + 1 })).toMatchObject([{ startMs: T0 + HOUR }]);
    expect(await totals("hour", [], { endUser: "usr_1", toMs: T0 + 1 })).toMatchObject([{ startMs: T0 }]);
    expect(await totals("day", [], { tag: { name: "team", value: "web" } })).toMatchObject([{ cancelled: 1 }]);
    expect(await totals("day", ["dialect"], { account: "ben" })).toEqual([]);
  });

  it("counts what was refused apart, as many as a record tells of", async () => {
    await usage.put([
      used("a"),
      used("b", { outcome: "refused", requests: 3, durationMs: 1, firstContentMs: undefined }),
    ]);
    await usage.put([used("c", { outcome: "refused", requests: 4, durationMs: 1, firstContentMs: undefined })]);
    expect(await totals("day")).toMatchObject([{ requests: 1, refused: 7, failed: 0, durationMs: 900 }]);
  });

  it("knows what a key has cost, since when it is asked", async () => {
    await usage.put([used("a"), used("b", { atMs: T0 + DAY }), used("c", { atMs: T0 + 2 * DAY, model: "large" })]);
    await usage.put([used("d", { keyId: "key_2" }), used("e", { account: "ben" })]);
    const sinceMs = [0, T0, T0 + DAY, T0 + 3 * DAY];
    expect(await usage.spent({ account: "anna", keyId: "key_1", sinceMs })).toEqual([21, 21, 14, 0]);
    expect(await usage.spent({ account: "anna", keyId: "nobody's", sinceMs: [0] })).toEqual([0]);
  });

  it("adds concurrent batches without losing any", async () => {
    const put = (from: Store, n: number) => from.usage.put([used(`req_${n}`), used(`req_${n}b`, { account: "ben" })]);
    await Promise.all(Array.from({ length: 20 }, (_, n) => put(n % 2 === 0 ? store : place().other, n)));
    expect(await totals("minute")).toMatchObject([{ requests: 40, costMicroUsd: 280 }]);
  });

  it("forgets each kind after its own time", async () => {
    await usage.put([used("old"), used("new", { atMs: T0 + 2 * DAY })]);
    const before = { requests: T0 + DAY, minute: T0 + DAY, hour: 0, day: 0 };
    expect(await usage.prune(before)).toBe(1);
    expect(await usage.prune(before)).toBe(0);
    expect(await ids()).toEqual(["new"]);
    expect([(await totals("minute")).length, (await totals("hour")).length]).toEqual([1, 2]);
  });

  it("forgets no more at once than a batch", async () => {
    const many = Array.from({ length: USAGE_PRUNE_BATCH + 1 }, (_, n) => used(`req_${n}`));
    await usage.put(many);
    const before = { requests: T0 + 1, minute: 0, hour: 0, day: 0 };
    expect(await usage.prune(before)).toBe(USAGE_PRUNE_BATCH);
    expect(await usage.prune(before)).toBe(1);
  });

  it("forgets everything of one account, and nothing of another", async () => {
    await usage.put([used("a"), used("b", { account: "ben" })]);
    await usage.forget("anna");
    expect(await usage.forget("anna")).toBe(0);
    expect(await ids()).toEqual(["b"]);
    expect(await totals("day", ["account"])).toMatchObject([{ account: "ben", requests: 1 }]);
  });
});
