import { NO_SETTINGS } from "@hearth/coordinator";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Accounts and their keys over HTTP, and what a key may do.

/** A PNG of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

let hearth: TestCoordinator;
beforeEach(async () => {
  const settings = {
    ...NO_SETTINGS,
    prices: {
      ...NO_SETTINGS.prices,
      models: new Map([["dear", [{ fromMs: 0, input: 1_000_000n, output: 1_000_000n, cachedInput: 0n }]]]),
    },
  };
  hearth = await startTestCoordinator({ store: openMemoryStore(), settings });
  await hearth.provider((s) => s.answer("good"), { models: [{ id: "m" }, { id: "other" }, { id: "dear" }] });
});
afterEach(() => hearth[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function ask(method: string, path: string, body?: unknown, key = ADMIN_KEY): Promise<Answer> {
  const response = await fetch(hearth.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer["body"] };
}

async function newKey(terms: object = {}): Promise<{ readonly id: string; readonly key: string }> {
  await ask("POST", "/admin/accounts", { id: "anna", name: "Anna" });
  const { status, body } = await ask("POST", "/admin/accounts/anna/keys", { name: "app", ...terms });
  expect([status, body]).toMatchObject([201, { account: "anna" }]);
  return { id: String(body["id"]), key: String(body["key"]) };
}

const chat = (key: string, more: object = {}): Promise<Answer> =>
  ask(
    "POST",
    "/v1/chat/completions",
    { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 5, ...more },
    key,
  );
const codeOf = ({ body }: Answer): unknown => (body["error"] as Record<string, unknown> | undefined)?.["code"];

describe("a key of an account", () => {
  it("serves its account, and shows nobody its secret again", async () => {
    const { id, key } = await newKey();
    expect(key).toMatch(/^sk-hearth-/);
    expect((await chat(key)).status).toBe(200);
    const listed = await ask("GET", "/admin/accounts/anna/keys");
    expect(listed.body["data"]).toMatchObject([{ id, name: "app", status: "active", prefix: key.slice(0, 14) }]);
    expect(JSON.stringify(listed.body)).not.toContain(key);
    expect((await ask("GET", "/v1/key", undefined, key)).body).toMatchObject({ data: { id, account: "anna" } });
  });

  it("stops at once when it is revoked, and its old secret when it is rotated", async () => {
    const { id, key } = await newKey();
    const rotated = await ask("POST", `/admin/keys/${id}/rotate`, {});
    const fresh = String(rotated.body["key"]);
    expect([(await chat(key)).status, (await chat(fresh)).status]).toEqual([401, 200]);
    expect((await ask("DELETE", `/admin/keys/${id}`)).status).toBe(200);
    expect((await chat(fresh)).status).toBe(401);
  });

  it("keeps its old secret for as long as its rotation says", async () => {
    const { id, key } = await newKey();
    const rotated = await ask("POST", `/admin/keys/${id}/rotate`, { overlap_seconds: 3_600 });
    for (const secret of [key, String(rotated.body["key"])]) expect((await chat(secret)).status).toBe(200);
  });

  it("is changed where it is used, and what its change leaves out stays", async () => {
    const { id, key } = await newKey({ limits: { requests_per_minute: 60 }, tags: { team: "web" } });
    expect((await chat(key)).status).toBe(200);
    const changed = await ask("PATCH", `/admin/keys/${id}`, { allowed_models: ["other"], name: "narrow" });
    expect(changed).toMatchObject({ status: 200, body: { id, name: "narrow", tags: { team: "web" } } });
    expect(codeOf(await chat(key))).toBe("model_not_allowed");
    expect((await chat(key, { model: "other" })).headers.get("x-ratelimit-limit-requests")).toBe("60");
    const wrong = await ask("PATCH", `/admin/keys/${id}`, { limits: { concurrency: 0 } });
    expect(wrong).toMatchObject({ status: 400, body: { error: { param: "limits.concurrency" } } });
    expect((await ask("PATCH", `/v1/me/keys/${id}`, { name: "wide" }, key)).status).toBe(403);
  });

  it("is good for its models only, and for what its scopes say", async () => {
    const { key } = await newKey({ allowed_models: ["other"] });
    expect((await chat(key, { model: "other" })).status).toBe(200);
    expect(await chat(key)).toMatchObject({ status: 403, body: { error: { code: "model_not_allowed" } } });
    const models = (await ask("GET", "/v1/models", undefined, key)).body["data"] as { readonly id: string }[];
    expect(models.map((model) => model.id)).toEqual(["other"]);
    expect(codeOf(await ask("POST", "/v1/me/payouts", { amount_micro_usd: 1 }, key))).toBe("insufficient_scope");
    const reader = await newKey({ scopes: ["read"] });
    expect(codeOf(await chat(reader.key))).toBe("insufficient_scope");
    expect((await ask("GET", "/admin/providers", undefined, reader.key)).status).toBe(200);
    expect((await ask("POST", "/admin/accounts", { name: "x" }, reader.key)).status).toBe(403);
  });

  it("goes to its own machines only where it says so", async () => {
    const { key } = await newKey({ self_route_only: true });
    expect((await chat(key)).status).not.toBe(200);
  });

  it("makes no key that may more than itself", async () => {
    const { key } = await newKey({ scopes: ["inference"] });
    expect(codeOf(await ask("POST", "/v1/me/keys", { scopes: ["admin"] }, key))).toBe("insufficient_scope");
    const child = await ask("POST", "/v1/me/keys", { scopes: ["inference"] }, key);
    expect(child.status).toBe(201);
    expect((await chat(String(child.body["key"]))).status).toBe(200);
    const limited = await newKey({ limits: { concurrency: 1 } });
    expect(codeOf(await ask("POST", "/v1/me/keys", {}, limited.key))).toBe("insufficient_scope");
    const reader = await newKey({ scopes: ["read"] });
    expect(codeOf(await ask("POST", "/v1/me/keys", { scopes: ["read"] }, reader.key))).toBe("insufficient_scope");
  });

  it("is refused while its account is suspended", async () => {
    const { key } = await newKey();
    await ask("PATCH", "/admin/accounts/anna", { status: "suspended" });
    expect(await chat(key)).toMatchObject({ status: 403, body: { error: { code: "account_suspended" } } });
    await ask("PATCH", "/admin/accounts/anna", { status: "active" });
    expect((await chat(key)).status).toBe(200);
  });

  it("spends no more than its budget, whatever its account has", async () => {
    const { key } = await newKey({ limits: { budget: { micro_usd: 20, reset: "daily" } } });
    await ask("POST", "/admin/accounts/anna/deposits", { amount_micro_usd: 1_000_000, reason: "test" });
    const dear = { model: "dear" };
    const ends: unknown[] = [];
    for (let n = 0; n < 6; n++) {
      const answer = await chat(key, dear);
      ends.push(answer.status === 200 ? 200 : codeOf(answer));
    }
    expect(ends[0]).toBe(200);
    expect(ends.at(-1)).toBe("insufficient_quota");
    const spent = 1_000_000 - Number((await ask("GET", "/v1/me/balance", undefined, key)).body["available_micro_usd"]);
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThanOrEqual(20);
    expect((await chat((await newKey()).key, dear)).status).toBe(200);
  });
});

/** While a request of the one key runs, the other gets none through. */
async function runsOne(running: string, asking: string): Promise<void> {
  const gone = new AbortController();
  const slow = fetch(`${hearth.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${running}` },
    body: JSON.stringify({ model: "slow", messages: [{ role: "user", content: "hi" }] }),
    signal: gone.signal,
  }).catch(() => undefined);
  await expect.poll(async () => (await chat(asking)).status).toBe(429);
  gone.abort();
  await slow;
  await expect.poll(async () => (await chat(asking)).status).toBe(200);
}

describe("a key with limits", () => {
  it("gets OpenAI's headers, and a 429 that says when to come back", async () => {
    const { key } = await newKey({ limits: { requests_per_minute: 2, tokens_per_minute: 10_000 } });
    const first = await chat(key);
    expect(first.headers.get("x-ratelimit-limit-requests")).toBe("2");
    expect(first.headers.get("x-ratelimit-remaining-requests")).toBe("1");
    expect(first.headers.get("x-ratelimit-reset-requests")).toMatch(/^\d+(\.\d+)?s$/);
    expect(first.headers.get("x-ratelimit-limit-tokens")).toBe("10000");
    await chat(key);
    const third = await chat(key);
    expect([third.status, codeOf(third)]).toEqual([429, "rate_limit_exceeded"]);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(third.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    const sdk = new OpenAI({ apiKey: key, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
    const refused = sdk.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });

  it("pays its tokens by what a request really came to", async () => {
    const { key } = await newKey({ limits: { tokens_per_minute: 1_000 } });
    for (let n = 0; n < 5; n++) expect((await chat(key, { max_tokens: 800 })).status).toBe(200);
  });

  it("pays no tokens for what nobody could do", async () => {
    const { key } = await newKey({ limits: { tokens_per_minute: 1_000 } });
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } };
    for (let n = 0; n < 3; n++) {
      const refused = await chat(key, { max_tokens: 800, messages: [{ role: "user", content: [image] }] });
      expect(refused.status).toBe(400);
    }
    expect((await chat(key, { max_tokens: 800 })).status).toBe(200);
  });

  it("runs no more at once than it may", async () => {
    await hearth.provider(() => {}, { models: [{ id: "slow" }] });
    const { key } = await newKey({ limits: { concurrency: 1 } });
    await runsOne(key, key);
  });

  it("runs no more at once than its account may with all of its keys", async () => {
    await hearth.provider(() => {}, { models: [{ id: "slow" }] });
    const [one, other] = [await newKey(), await newKey()];
    expect((await ask("PATCH", "/admin/accounts/anna", { concurrency: 1 })).status).toBe(200);
    await runsOne(one.key, other.key);
  });

  it("gets no header where it has no limit", async () => {
    const { headers } = await chat(API_KEY);
    expect([...headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
  });
});
