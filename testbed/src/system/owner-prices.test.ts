import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_SETTINGS, type Settings } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore, openSqliteStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { until } from "../scripted/answers.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

// What owners ask for answers of their machines, through a real coordinator, its store and sockets.

const OWNERS = ["anna", "ben"] as const;
type Owner = (typeof OWNERS)[number];
const tokenOf = (owner: Owner): string => `the-token-of-${owner}-0123456789`;
const keyOf = (owner: Owner): string => `the-key-of-${owner}-0123456789`;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Micro-USD: 1 a token read, 2 a token written; owners may ask half of it to thrice as much. */
const SETTINGS: Settings = {
  ...NO_SETTINGS,
  providerTokens: OWNERS.map((account) => ({ account, sha256: sha256(tokenOf(account)) })),
  apiKeys: OWNERS.map((account) => ({ account, sha256: sha256(keyOf(account)) })),
  prices: {
    ...NO_SETTINGS.prices,
    models: new Map([["m", [{ fromMs: 0, input: 1_000_000n, output: 2_000_000n, cachedInput: 100_000n }]]]),
  },
  ownerPrices: { ...NO_SETTINGS.ownerPrices, maxMultiple: 3, minMultiple: 0.5 },
  ledger: { ...NO_SETTINGS.ledger, feeBasisPoints: 1_000 },
};
const UNPRICED: Settings = { ...SETTINGS, prices: NO_SETTINGS.prices };

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore(), settings: SETTINGS });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const good: Script = (stream) => stream.answer("good");
const machineOf = (owner: Owner, script: Script = good): Promise<ScriptedProvider> =>
  hearth.provider(script, { token: tokenOf(owner) });
const QUESTION = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 20 };

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  readonly body: any;
}

async function call(method: string, path: string, key: string, body?: object): Promise<Answer> {
  const response = await fetch(hearth.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** Asks so many micro-USD a token read, and so many a token written. */
const price = (read: number, written: number, more: object = {}): object => ({
  model: "m",
  input_micro_usd: read * 1_000_000,
  output_micro_usd: written * 1_000_000,
  ...more,
});
async function ask(owner: Owner, order: object): Promise<string> {
  const { status, body } = await call("POST", "/v1/me/prices", keyOf(owner), order);
  expect([status, body]).toEqual([201, expect.objectContaining({ object: "price", account: owner })]);
  return body.id;
}

const give = (amount: number) =>
  call("POST", "/admin/accounts/default/deposits", ADMIN_KEY, { amount_micro_usd: amount, reason: "test" });
const available = async (): Promise<number> => (await call("GET", "/v1/me/balance", API_KEY)).body.available_micro_usd;
const earned = async (owner: Owner): Promise<number> =>
  (await call("GET", "/v1/me/balance", keyOf(owner))).body.available_micro_usd;
const mismatches = async () => (await call("GET", "/admin/ledger/audit", ADMIN_KEY)).body.mismatches;

async function costOf(headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const response = await hearth.chat(QUESTION, { headers });
  expect(response.status).toBe(200);
  const { usage } = (await response.json()) as { readonly usage: { readonly cost: number } };
  return Math.round(usage.cost * 1_000_000);
}
const on = ({ id }: ScriptedProvider) => ({ "X-Hearth-Providers": id });

describe("an owner's own price", () => {
  it("is what an answer costs on that machine, from the next request on, and what its owner gets but the fee", async () => {
    const [annas, bens] = [await machineOf("anna"), await machineOf("ben")];
    await give(1_000);
    expect(await costOf(on(annas))).toBe(7);
    await ask("anna", price(3, 6, { machine: annas.id }));
    expect([await costOf(on(annas)), await costOf(on(bens))]).toEqual([21, 7]);
    await ask("ben", price(0.5, 1));
    expect([await costOf(on(annas)), await costOf(on(bens))]).toEqual([21, 4]);
    await eventually("all is paid", async () => (await available()) === 1_000 - 7 - 21 - 7 - 21 - 4);
    // Of each the fee is a tenth, rounded down.
    expect([await earned("anna"), await earned("ben")]).toEqual([7 + 19 + 19, 7 + 4]);
    expect(await mismatches()).toEqual([]);
  });

  it("is reserved for at the dearest of the machines that may serve, and at no more", async () => {
    const cheap = await machineOf("anna");
    await ask("anna", price(0.5, 1));
    // The prompt with its margin and 20 tokens come to more than this at the platform's price.
    await give(35);
    expect(await costOf()).toBe(4);
    const dear = await machineOf("ben");
    expect((await hearth.chat(QUESTION)).status).toBe(402);
    expect(await costOf(on(cheap))).toBe(4);
    expect((await hearth.chat(QUESTION, { headers: on(dear) })).status).toBe(402);
  });

  it("that changes while a request runs is not for that request", async () => {
    let goOn: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const machine = await machineOf("anna", async (stream) => {
      if (machine.streams.length === 1) await held;
      stream.answer("good");
    });
    await give(1_000);
    const id = await ask("anna", price(2, 4));
    const running = costOf();
    await until("it runs", () => machine.streams.length === 1);
    await ask("anna", price(3, 6));
    expect(await costOf()).toBe(21);
    expect((await call("DELETE", `/v1/me/prices/${id}`, keyOf("anna"))).status).toBe(400);
    goOn();
    expect(await running).toBe(14);
    await eventually("all is paid", async () => (await available()) === 1_000 - 35);
    expect(await mismatches()).toEqual([]);
  });

  it("does not make a request dearer that came before the machine did", async () => {
    let leave: () => void = () => {};
    const first = await machineOf("anna", (stream) => {
      leave = () => stream.error({ code: "backend_error" });
    });
    await give(1_000);
    await ask("ben", price(3, 6));
    const running = costOf();
    await until("it runs", () => first.streams.length === 1);
    const second = await machineOf("ben");
    leave();
    expect(await running).toBe(7);
    expect(second.streams).toHaveLength(1);
    expect(await costOf(on(second))).toBe(21);
    expect(await mismatches()).toEqual([]);
  });

  it("has no effect where the platform has no price, and cannot be set", async () => {
    const machine = await machineOf("anna");
    await ask("anna", price(2, 4));
    hearth.coordinator.configure(UNPRICED);
    const free = await hearth.chat(QUESTION);
    expect([free.status, free.headers.get("x-hearth-cost")]).toEqual([200, null]);
    const refused = await call("POST", "/v1/me/prices", keyOf("anna"), price(2, 4));
    expect([refused.status, refused.body.error.param]).toEqual([400, "model"]);
    hearth.coordinator.configure({
      ...UNPRICED,
      ownerPrices: { ...SETTINGS.ownerPrices, unpricedMostMicroUsd: 3_000_000 },
    });
    expect((await hearth.chat(QUESTION)).status).toBe(402);
    await give(1_000);
    // What was asked for a token written is over what is allowed by now.
    expect(await costOf(on(machine))).toBe(12);
  });

  it("ends, now or later, and is held within the bounds that hold by then", async () => {
    const machine = await machineOf("anna");
    await give(1_000);
    const id = await ask("anna", price(3, 6));
    hearth.coordinator.configure({ ...SETTINGS, ownerPrices: { ...SETTINGS.ownerPrices, maxMultiple: 2 } });
    expect(await costOf(on(machine))).toBe(14);
    const ended = await call("DELETE", `/v1/me/prices/${id}`, keyOf("anna"));
    expect([ended.status, ended.body.status]).toEqual([200, "over"]);
    expect(await costOf(on(machine))).toBe(7);
  });

  it("outlives a restart", async () => {
    await hearth.stop();
    const dir = mkdtempSync(join(tmpdir(), "hearth-owner-prices-"));
    try {
      hearth = await startTestCoordinator({ store: await openSqliteStore(dir), settings: SETTINGS });
      await ask("anna", price(3, 6));
      await hearth.stop();
      hearth = await startTestCoordinator({ store: await openSqliteStore(dir), settings: SETTINGS });
      await machineOf("anna");
      await give(1_000);
      expect(await costOf()).toBe(21);
      await hearth.stop();
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe("the routes of owners' prices", () => {
  it("list what was, what is and what is to come, to the owner his own and to the operator everybody's", async () => {
    const now = Math.floor(Date.now() / 1000);
    const first = await ask("anna", price(1, 2));
    const second = await ask("anna", price(2, 2, { cached_input_micro_usd: 50_000 }));
    const third = await ask("anna", price(3, 3, { starts_at: now + 3_600 }));
    const bens = await ask("ben", price(1, 1));
    const { body } = await call("GET", "/v1/me/prices", keyOf("anna"));
    expect(body.data).toMatchObject([
      { id: first, status: "over" },
      { id: second, status: "in_force", cached_input_micro_usd: 50_000, machine: null, ends_at: now + 3_600 },
      { id: third, status: "to_come", cached_input_micro_usd: 300_000, starts_at: now + 3_600, ends_at: null },
    ]);
    const ids = async (path: string) =>
      (await call("GET", path, ADMIN_KEY)).body.data.map(({ id }: { id: string }) => id);
    expect(await ids("/admin/prices")).toEqual([first, second, third, bens]);
    expect(await ids("/admin/prices?account=ben")).toEqual([bens]);
    const withdrawn = await call("DELETE", `/v1/me/prices/${third}`, keyOf("anna"));
    expect([withdrawn.status, withdrawn.body.status]).toEqual([200, "withdrawn"]);
    const later = await call("DELETE", `/v1/me/prices/${second}?ends_at=${now + 60}`, keyOf("anna"));
    expect(later.body).toMatchObject({ status: "in_force", ends_at: now + 60 });
  });

  it.each([
    ["in the past", price(1, 2, { starts_at: 1_700_000_000 }), "starts_at"],
    ["over the cap", price(3.1, 2), "input_micro_usd"],
    ["below the floor", price(1, 0.9), "output_micro_usd"],
    ["that is negative", price(-1, 2), "input_micro_usd"],
    ["that is not whole", { ...price(1, 2), input_micro_usd: 1.5 }, "input_micro_usd"],
    ["that is huge", { ...price(1, 2), input_micro_usd: 1e300 }, "input_micro_usd"],
    ["without an amount", { model: "m", input_micro_usd: 1_000_000 }, "output_micro_usd"],
    ["for a machine that is not his", price(1, 2, { machine: "prv_0123456789abcdef" }), "machine"],
    ["for an alias", price(1, 2, { model: "al" }), "model"],
    ["for a model that costs nothing here", price(1, 2, { model: "free" }), "model"],
    ["with a member that is none", price(1, 2, { per_request: 1 }), ""],
  ])("refuse one %s", async (name, order, param) => {
    hearth.coordinator.configure({
      ...SETTINGS,
      catalog: { ...SETTINGS.catalog, aliases: new Map([["al", { desired: "m", previous: undefined }]]) },
    });
    const { status, body } = await call("POST", "/v1/me/prices", keyOf("anna"), order);
    expect([status, body.error.type]).toEqual([400, "invalid_request_error"]);
    if (param !== "") expect(body.error.param).toBe(param);
    expect(String(body.error.message).includes("is an alias")).toBe(name === "for an alias");
  });

  it("are for no key that owns nothing, and end nobody else's price", async () => {
    const id = await ask("anna", price(1, 2));
    expect((await call("DELETE", `/v1/me/prices/${id}`, keyOf("ben"))).status).toBe(404);
    expect((await call("DELETE", `/v1/me/prices/${id}?ends_at=5`, keyOf("anna"))).status).toBe(400);
    expect((await call("DELETE", `/v1/me/prices/${id}?ends_at=x`, keyOf("anna"))).status).toBe(400);
    await call("POST", "/admin/accounts", ADMIN_KEY, { id: "carl", name: "Carl" });
    const made = await call("POST", "/admin/accounts/carl/keys", ADMIN_KEY, { name: "app", scopes: ["inference"] });
    expect((await call("POST", "/v1/me/prices", made.body.key, price(1, 2))).status).toBe(403);
  });

  it("are shown by the list of models: the most that it costs now, and the range", async () => {
    await machineOf("anna");
    await machineOf("ben");
    await ask("anna", price(0.5, 4));
    const [entry] = (await call("GET", "/v1/models", API_KEY)).body.data;
    expect(entry).toMatchObject({
      pricing: { prompt: "0.000001", completion: "0.000004", input_cache_read: "0.0000003" },
      price_range: {
        platform: { prompt: "0.000001", completion: "0.000002", input_cache_read: "0.0000001" },
        cheapest: { prompt: "0.0000005", completion: "0.000002", input_cache_read: "0.0000001" },
        dearest: { prompt: "0.000001", completion: "0.000004", input_cache_read: "0.0000003" },
      },
    });
  });
});
