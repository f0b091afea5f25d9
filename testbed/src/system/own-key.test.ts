import { NO_SETTINGS } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What a key is told that it has spent and may spend yet, after requests that were paid for.

/** A token read or written is 1 micro-USD. */
const PRICES = [{ fromMs: 0, input: 1_000_000n, output: 1_000_000n, cachedInput: 0n }];
const SETTINGS = { ...NO_SETTINGS, prices: { ...NO_SETTINGS.prices, default: PRICES } };

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore(), settings: SETTINGS });
  await hearth.provider((s) => s.answer("good"));
  await post("/admin/accounts", { id: "anna", name: "Anna" });
  await post("/admin/accounts/anna/deposits", { amount_micro_usd: 1_000_000, reason: "test" });
});
afterEach(() => hearth[Symbol.asyncDispose]());

async function post(path: string, body: object, method = "POST"): Promise<Record<string, unknown>> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const response = await fetch(hearth.url + path, { method, headers, body: JSON.stringify(body) });
  expect([path, response.ok]).toEqual([path, true]);
  return (await response.json()) as Record<string, unknown>;
}

const keyOf = async (account: string, limits: object = {}) => {
  const { id, key } = await post(`/admin/accounts/${account}/keys`, { name: "app", limits });
  return { id: String(id), key: String(key) };
};

/** @returns what its answer says that it has cost, micro-USD */
async function ask(key: string): Promise<number> {
  const body = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 5 };
  const answer = await hearth.chat(body, { headers: { Authorization: `Bearer ${key}` } });
  const { usage } = (await answer.json()) as { usage: { cost: number } };
  expect(answer.status).toBe(200);
  return Math.round(usage.cost * 1e6);
}

async function own(key: string): Promise<Record<string, unknown>> {
  const { data } = (await (await hearth.get("/v1/key", key)).json()) as { data: Record<string, unknown> };
  return data;
}

/** As the key is told it, micro-USD. */
async function told(key: string): Promise<readonly unknown[]> {
  const { limit, limit_remaining, usage, usage_daily, usage_weekly, usage_monthly } = await own(key);
  expect([usage_daily, usage_weekly, usage_monthly]).toEqual([usage, usage, usage]);
  return [limit, limit_remaining, usage].map((each) => (each === null ? null : Math.round(Number(each) * 1e6)));
}

describe("a key that asks what it is", () => {
  it("is told what it has spent, where it has no budget and another key has spent as well", async () => {
    const [one, other] = [await keyOf("anna"), await keyOf("anna")];
    expect(await told(one.key)).toEqual([null, null, 0]);
    const cost = await ask(one.key);
    expect(cost).toBeGreaterThan(0);
    expect(await told(one.key)).toEqual([null, null, cost]);
    const second = await ask(one.key);
    await ask(other.key);
    expect(await told(one.key)).toEqual([null, null, cost + second]);
  });

  it.each(["never", "daily", "weekly", "monthly"])(
    "is told what is left of a budget that is reset %s",
    async (reset) => {
      const { key } = await keyOf("anna", { budget: { micro_usd: 10_000, reset } });
      expect(await told(key)).toEqual([10_000, 10_000, 0]);
      const cost = await ask(key);
      expect(await told(key)).toEqual([10_000, 10_000 - cost, cost]);
      expect(await own(key)).toMatchObject({ limit_reset: reset });
    },
  );

  it("has less left while a request runs, by what is set aside", async () => {
    await hearth.provider(() => {}, { models: [{ id: "slow" }] });
    const { key } = await keyOf("anna", { budget: { micro_usd: 10_000, reset: "never" } });
    const gone = new AbortController();
    const body = { model: "slow", messages: [{ role: "user", content: "hi" }], max_tokens: 5 };
    const running = hearth
      .chat(body, { headers: { Authorization: `Bearer ${key}` }, signal: gone.signal })
      .catch(() => undefined);
    await expect.poll(async () => Number((await told(key))[1])).toBeLessThan(10_000);
    expect((await told(key))[2]).toBe(0);
    gone.abort();
    await running;
    await expect.poll(async () => await told(key)).toEqual([10_000, 10_000, 0]);
  });

  it("has nothing left, and not less, where its budget was made smaller than what it has spent", async () => {
    const { id, key } = await keyOf("anna", { budget: { micro_usd: 10_000, reset: "never" } });
    const cost = await ask(key);
    await post(`/admin/keys/${id}`, { limits: { budget: { micro_usd: 1, reset: "never" } } }, "PATCH");
    expect(await told(key)).toEqual([1, 0, cost]);
  });

  it("is told it, too, where it is one of the configuration", async () => {
    await post("/admin/accounts/default/deposits", { amount_micro_usd: 1_000_000, reason: "test" });
    expect(await told(API_KEY)).toEqual([null, null, 0]);
    const cost = await ask(API_KEY);
    expect(await told(API_KEY)).toEqual([null, null, cost]);
  });

  it("is told of itself alone where its account is a team whose parent pays", async () => {
    await post("/admin/accounts", { id: "web", name: "Web", parent: "anna", budget: "shared" });
    const [anna, web] = [await keyOf("anna"), await keyOf("web", { budget: { micro_usd: 10_000, reset: "monthly" } })];
    const cost = await ask(web.key);
    expect(await told(web.key)).toEqual([10_000, 10_000 - cost, cost]);
    expect(await told(anna.key)).toEqual([null, null, 0]);
    const left = (await (await hearth.get("/v1/me/balance", anna.key)).json()) as Record<string, unknown>;
    expect(left["available_micro_usd"]).toBe(1_000_000 - cost);
  });

  it("is told the same over its rotation", async () => {
    const { id, key } = await keyOf("anna", { budget: { micro_usd: 10_000, reset: "never" } });
    const cost = await ask(key);
    const { key: fresh } = await post(`/admin/keys/${id}/rotate`, {});
    expect(await told(String(fresh))).toEqual([10_000, 10_000 - cost, cost]);
  });
});
