import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { BudgetReset } from "../store/account-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import type { RequestUsage } from "../store/usage-store.js";
import { budgetOf } from "./budget-window.js";
import { keySpending } from "./key-spending.js";

const HOUR_MS = 3_600_000;
/** A Wednesday, and no first of a month. */
const NOON = Date.UTC(2026, 6, 15, 12);

let clock: FakeClock;
let store: Store;
beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore();
  await store.ledger.deposit({ id: "d", account: "anna", amount: 1_000n, reason: "", actor: "", nowMs: 0 });
});
afterEach(() => store.close());

const keyWith = (budget?: { readonly microUsd: number; readonly reset: BudgetReset }) => ({
  ...{ account: "anna", keyId: "key_1" },
  limits: { budget },
});
const spending = (key: ReturnType<typeof keyWith>) =>
  keySpending({ clock: { ...clock, wallTime: () => NOON } as never, ledger: store.ledger, usage: store.usage }, key);

let n = 0;
/** In the records of usage. */
async function recorded(hoursAgo: number, costMicroUsd: number, keyId = "key_1"): Promise<void> {
  const usage: RequestUsage = {
    ...{ requestId: `req_${++n}`, atMs: NOON - hoursAgo * HOUR_MS, account: "anna", keyId, modelAsked: "m" },
    ...{ model: "m", providerId: "p", outcome: "success", requests: 1, dialect: "", endpoint: "", endUser: "" },
    ...{ tags: {}, promptTokens: 0, cachedTokens: 0, completionTokens: 0, estimated: false, costMicroUsd },
    ...{ durationMs: 0, firstContentMs: undefined, facts: "{}" },
  };
  await store.usage.put([usage]);
}

/** In the ledger. @param max what is set aside; it stays so where nothing is posted */
async function paid(
  { key, hoursAgo }: { readonly key: ReturnType<typeof keyWith>; readonly hoursAgo: number },
  max: bigint,
  posted?: bigint,
): Promise<void> {
  const id = `r_${++n}`;
  const nowMs = NOON - hoursAgo * HOUR_MS;
  const order = { id, requestId: id, account: "anna", payer: "anna", node: "n", max, feeBasisPoints: 0, nowMs };
  await store.ledger.reserve({ ...order, budget: budgetOf(key, nowMs), expiresAtMs: nowMs + HOUR_MS });
  if (posted === undefined) return;
  const part = { payer: "consumer", account: "ben", machine: "m", model: "m", attemptId: "a" } as const;
  const parts = [{ ...part, gross: posted, promptTokens: 1, completionTokens: 1 }];
  await store.ledger.post({ id, parts, nowMs });
}

it("is told by the records where there is no budget: of this day, this week, this month, and all", async () => {
  await recorded(1, 1);
  await recorded(24, 10);
  await recorded(5 * 24, 100);
  await recorded(60 * 24, 1_000);
  await recorded(1, 7, "key_2");
  expect(await spending(keyWith())).toEqual({
    ...{ daily: 1, weekly: 11, monthly: 111, total: 1_111 },
    remaining: undefined,
  });
});

it("has left of a budget what is neither spent nor set aside in its window", async () => {
  const key = keyWith({ microUsd: 100, reset: "daily" });
  await paid({ key, hoursAgo: 24 }, 90n, 80n);
  await paid({ key, hoursAgo: 1 }, 50n, 20n);
  await paid({ key, hoursAgo: 1 }, 5n);
  expect(await spending(key)).toMatchObject({ daily: 20, weekly: 100, total: 100, remaining: 75 });
});

it("goes by whichever knows more: the ledger, or the records", async () => {
  const key = keyWith({ microUsd: 100, reset: "weekly" });
  await paid({ key, hoursAgo: 1 }, 50n, 20n);
  await recorded(1, 15);
  await recorded(24 * 60, 200);
  // Of this week it is not known by the ledger on which day it was spent.
  expect(await spending(key)).toEqual({ daily: 15, weekly: 20, monthly: 20, total: 215, remaining: 80 });
});

it("has nothing left, and no less, of a budget below what was spent", async () => {
  await paid({ key: keyWith({ microUsd: 100, reset: "never" }), hoursAgo: 1 }, 50n, 20n);
  expect(await spending(keyWith({ microUsd: 10, reset: "never" }))).toMatchObject({ remaining: 0, total: 20 });
});
