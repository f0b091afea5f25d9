import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { type RequestUsage, USAGE_PRUNE_BATCH, type UsageRetention } from "../store/usage-store.js";
import { DEFAULT_USAGE, UsageWriter } from "./usage-writer.js";

const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const used = (requestId: string): RequestUsage => ({
  requestId,
  atMs: 1_000,
  account: "anna",
  keyId: "key_1",
  modelAsked: "m",
  model: "m",
  providerId: "p",
  outcome: "success",
  requests: 1,
  dialect: "chat_completions",
  endpoint: "/v1/chat/completions",
  endUser: "",
  tags: {},
  promptTokens: 1,
  cachedTokens: 0,
  completionTokens: 2,
  estimated: false,
  costMicroUsd: 3,
  durationMs: 4,
  firstContentMs: 5,
  facts: "{}",
});

let clock: FakeClock;
let store: Store;
let lost: number;

beforeEach(() => {
  clock = new FakeClock();
  store = openMemoryStore();
  lost = 0;
});
afterEach(() => store.close());

const writerOn = (usage: Store["usage"], settings = DEFAULT_USAGE): UsageWriter =>
  new UsageWriter({
    ...{ clock, log: createLogger("silent"), store: usage, settings: () => settings },
    lost: () => {
      lost += 1;
    },
  });

describe("the writer of usage", () => {
  it("lets a reader find what still waits", async () => {
    const writer = writerOn(store.usage);
    writer.keep(used("req_1"));
    expect(await writer.list({ ...EVER, limit: 9 })).toEqual([used("req_1")]);
    writer.keep(used("req_2"));
    expect(await writer.totals({ ...EVER, unit: "day", by: [], limit: 9 })).toMatchObject([{ requests: 2 }]);
    await writer.stop();
    expect(clock.pending).toBe(0);
  });

  it("writes all of it when it stops", async () => {
    const writer = writerOn(store.usage);
    for (let n = 0; n < 2_500; n++) writer.keep(used(`req_${n}`));
    expect(await writer.stop()).toBe(0);
    expect(await store.usage.totals({ ...EVER, unit: "day", by: [], limit: 9 })).toMatchObject([{ requests: 2_500 }]);
    expect([lost, clock.pending]).toEqual([0, 0]);
  });

  it("counts what is refused, keeps it when it stops, and forgets it with its account", async () => {
    const writer = writerOn(store.usage);
    const refuse = (requestId: string, account: string): void =>
      writer.refused({ ...used(requestId), account, keyId: account, outcome: "refused" }, "no_provider");
    for (const n of [1, 2, 3]) for (const account of ["anna", "ben"]) refuse(`${account}_${n}`, account);
    expect(await writer.list({ ...EVER, account: "anna", limit: 9 })).toHaveLength(1);
    await writer.forget("anna");
    await writer.stop();
    const kept = await store.usage.list({ ...EVER, limit: 9 });
    expect(kept.map(({ requestId, requests }) => [requestId, requests])).toEqual([
      ["ben_2", 2],
      ["ben_1", 1],
    ]);
  });

  it("keeps nothing of requests that still ran when their account had everything forgotten", async () => {
    const writer = writerOn(store.usage);
    clock.advance(HOUR_MS);
    const at = clock.wallTime();
    await writer.forget("anna");
    writer.keep({ ...used("before"), atMs: at - 1 });
    writer.keep({ ...used("others"), atMs: at - 1, account: "ben" });
    writer.keep({ ...used("after"), atMs: at });
    const kept = await writer.list({ ...EVER, limit: 9 });
    expect(kept.map(({ requestId }) => requestId).sort()).toEqual(["after", "others"]);
    expect(lost).toBe(0);
  });

  it("tells how many a store that is away has cost", async () => {
    const away = { ...store.usage, put: () => Promise.reject(new Error("away")) };
    const writer = writerOn(away);
    writer.keep(used("req_1"));
    expect(await writer.stop()).toBe(1);
    expect(lost).toBe(1);
  });

  it("leaves the room of a store that is away to requests that were served, beyond some that were refused", async () => {
    let isAway = true;
    const put = (usage: readonly RequestUsage[]): Promise<void> =>
      isAway ? Promise.reject(new Error("away")) : store.usage.put(usage);
    const writer = writerOn({ ...store.usage, put }, { ...DEFAULT_USAGE, refusedWaiting: 3 });
    for (let n = 0; n < 100; n++) {
      writer.refused({ ...used(`refused_${n}`), keyId: `key_${n}`, outcome: "refused" }, "no_provider");
    }
    writer.keep(used("served"));
    expect(lost).toBe(97);
    clock.advance(100);
    await writer.list({ ...EVER, limit: 1 });
    writer.refused({ ...used("later"), keyId: "later", outcome: "refused" }, "no_provider");
    expect(lost).toBe(98);
    isAway = false;
    const kept = await writer.list({ ...EVER, limit: 9 });
    expect(kept.map(({ requestId }) => requestId).sort()).toEqual(["refused_0", "refused_1", "refused_2", "served"]);
    writer.refused({ ...used("back"), keyId: "back", outcome: "refused" }, "no_provider");
    expect(await writer.stop()).toBe(0);
    expect(lost).toBe(98);
  });

  it("forgets each kind after so many days as the operator says, batch by batch", async () => {
    const asked: UsageRetention[] = [];
    const answers = [USAGE_PRUNE_BATCH, 7];
    const full = {
      ...store.usage,
      prune: async (before: UsageRetention) => {
        asked.push(before);
        return answers.shift() ?? 0;
      },
    };
    const writer = writerOn(full, { ...DEFAULT_USAGE, requestDays: 1, minuteDays: 2, hourDays: 3, dayDays: 4 });
    clock.advance(HOUR_MS);
    await Promise.resolve();
    await Promise.resolve();
    clock.advance(20);
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toHaveLength(2);
    const [first] = asked;
    const now = clock.wallTime() - 20;
    expect(first).toEqual({
      requests: now - DAY_MS,
      minute: now - 2 * DAY_MS,
      hour: now - 3 * DAY_MS,
      day: now - 4 * DAY_MS,
    });
    await writer.stop();
  });
});
