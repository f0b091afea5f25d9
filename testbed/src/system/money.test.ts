import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What accounts and the operator see of money over HTTP, and what they may do with it.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly data?: readonly Record<string, unknown>[] };
}

async function ask(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Answer> {
  const key = path.startsWith("/admin") ? ADMIN_KEY : API_KEY;
  const response = await fetch(hearth.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...more },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

const OF = "/admin/accounts/default";
const entry = (amount: number, reason = "invoice 7") => ({ amount_micro_usd: amount, reason });
const balance = async () => (await ask("GET", "/v1/me/balance")).body;

/** Puts so much on the account as what its machines earned. */
const earn = (amount: number) => ask("POST", `${OF}/corrections`, { ...entry(amount, "as if earned"), part: "earned" });

describe("an account's money", () => {
  it("is nothing at first", async () => {
    expect(await balance()).toEqual({
      object: "balance",
      account: "default",
      available_micro_usd: 0,
      credit: { balance_micro_usd: 0, reserved_micro_usd: 0 },
      earned: { balance_micro_usd: 0, reserved_micro_usd: 0 },
      pending_payouts_micro_usd: 0,
    });
    expect((await ask("GET", "/v1/me/statement")).body).toEqual({
      object: "list",
      data: [],
      last_id: null,
      has_more: false,
    });
    expect((await ask("GET", "/v1/me/earnings?group_by=machine")).body).toEqual({
      object: "list",
      data: [],
      has_more: false,
    });
  });

  it("is what the operator puts on it, of each part its own, and the statement tells how it came", async () => {
    expect((await ask("POST", `${OF}/deposits`, entry(5_000_000))).status).toBe(201);
    await ask("POST", `${OF}/grants`, entry(1_000_000, "welcome"));
    await earn(300);
    expect(await balance()).toMatchObject({
      available_micro_usd: 6_000_300,
      credit: { balance_micro_usd: 6_000_000 },
      earned: { balance_micro_usd: 300 },
    });
    const { data = [] } = (await ask("GET", "/v1/me/statement")).body;
    expect(
      data.map((line) => [
        line["kind"],
        line["part"],
        line["amount_micro_usd"],
        line["balance_after_micro_usd"],
        line["reason"],
      ]),
    ).toEqual([
      ["deposit", "credit", 5_000_000, 5_000_000, "invoice 7"],
      ["grant", "credit", 1_000_000, 6_000_000, "welcome"],
      ["correction", "earned", 300, 300, "as if earned"],
    ]);
    const first = (await ask("GET", "/v1/me/statement?limit=2")).body;
    expect(first).toMatchObject({ has_more: true });
    const second = (await ask("GET", `/v1/me/statement?limit=2&after=${String(first["last_id"])}`)).body;
    expect([second.data?.length, second["has_more"]]).toEqual([1, false]);
    const csv = await hearth.get("/v1/me/statement?format=csv");
    expect((await csv.text()).split("\r\n")).toHaveLength(5);
    expect(csv.headers.get("x-hearth-has-more")).toBe("false");
    const begun = await hearth.get("/v1/me/statement?format=csv&limit=2");
    expect((await begun.text()).split("\r\n")).toHaveLength(4);
    expect(begun.headers.get("x-hearth-has-more")).toBe("true");
    expect((await ask("GET", "/admin/ledger/audit")).body).toMatchObject({ transfers: 3, mismatches: [] });
  });

  it("gets an entry once for one Idempotency-Key, and a conflict for another one under it", async () => {
    const key = { "Idempotency-Key": "invoice-7" };
    const first = await ask("POST", `${OF}/deposits`, entry(700), key);
    const again = await ask("POST", `${OF}/deposits`, entry(700), key);
    expect([first.body["status"], again.body["status"]]).toEqual(["done", "repeated"]);
    expect(again.body["id"]).toBe(first.body["id"]);
    expect((await ask("POST", `${OF}/deposits`, entry(800), key)).body).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    expect(await balance()).toMatchObject({ available_micro_usd: 700 });
  });

  it("cannot be corrected below nothing", async () => {
    await ask("POST", `${OF}/deposits`, entry(100));
    const refused = await ask("POST", `${OF}/corrections`, { ...entry(-101), part: "credit" });
    expect(refused).toMatchObject({ status: 402, body: { error: { code: "insufficient_quota" } } });
    expect((await ask("POST", `${OF}/corrections`, { ...entry(-100), part: "credit" })).status).toBe(201);
    expect(await balance()).toMatchObject({ available_micro_usd: 0 });
  });
});

describe("bad amounts and names", () => {
  it.each([[-1], [0], [0.5], [1e16], ["5"], [null]])("refuses a deposit of %j", async (amount) => {
    const { status, body } = await ask("POST", `${OF}/deposits`, { amount_micro_usd: amount, reason: "x" });
    expect([status, body]).toMatchObject([400, { error: { param: "amount_micro_usd" } }]);
  });

  it("refuses an entry without a reason, and one with a member that means nothing", async () => {
    expect((await ask("POST", `${OF}/deposits`, { amount_micro_usd: 5 })).status).toBe(400);
    expect((await ask("POST", `${OF}/deposits`, { ...entry(5), currency: "EUR" })).status).toBe(400);
  });

  it("knows no account of a name that nobody has", async () => {
    expect((await ask("POST", "/admin/accounts/defualt/deposits", entry(5))).status).toBe(404);
    expect((await ask("GET", "/admin/accounts/defualt/balance")).status).toBe(404);
  });

  it("knows no request that was never paid for", async () => {
    expect((await ask("POST", "/admin/refunds", { ...entry(5), request: "req_none" })).status).toBe(404);
  });
});

describe("a payout", () => {
  const order = { amount_micro_usd: 12_000_000 };
  const status = (id: unknown, to: string) =>
    ask("POST", `/admin/payouts/${String(id)}`, { status: to, reason: "bank" });

  it("takes what was earned, and nothing that was bought", async () => {
    await ask("POST", `${OF}/deposits`, entry(50_000_000));
    expect(await ask("POST", "/v1/me/payouts", order)).toMatchObject({ status: 402 });
    await earn(20_000_000);
    const { status: created, body } = await ask("POST", "/v1/me/payouts", order);
    expect([created, body]).toMatchObject([201, { status: "requested", amount_micro_usd: 12_000_000 }]);
    expect(await balance()).toMatchObject({ available_micro_usd: 58_000_000, pending_payouts_micro_usd: 12_000_000 });
    expect((await ask("GET", "/v1/me/payouts")).body.data).toMatchObject([{ id: body["id"], status: "requested" }]);
    expect((await ask("GET", "/admin/payouts?status=paid")).body.data).toEqual([]);
  });

  it("comes back whole when it fails, also when it had been paid", async () => {
    await earn(30_000_000);
    const failed = (await ask("POST", "/v1/me/payouts", order)).body["id"];
    expect((await status(failed, "failed")).body).toMatchObject({ status: "failed", reason: "bank" });
    const returned = (await ask("POST", "/v1/me/payouts", order)).body["id"];
    await status(returned, "paid");
    expect(await balance()).toMatchObject({ available_micro_usd: 18_000_000, pending_payouts_micro_usd: 0 });
    await status(returned, "returned");
    expect(await balance()).toMatchObject({ available_micro_usd: 30_000_000 });
    expect((await ask("GET", "/admin/ledger/audit")).body).toMatchObject({ mismatches: [] });
  });

  it("becomes nothing that it cannot, and is told the same twice without harm", async () => {
    await earn(20_000_000);
    const { id } = (await ask("POST", "/v1/me/payouts", order)).body;
    expect(await status(id, "returned")).toMatchObject({ status: 400, body: { error: { param: "status" } } });
    await status(id, "paid");
    expect(await status(id, "paid")).toMatchObject({ status: 200 });
    expect(await status(id, "failed")).toMatchObject({ status: 400 });
    expect(await status("po_none", "paid")).toMatchObject({ status: 404 });
  });

  it("is not worth its while below the least", async () => {
    await earn(20_000_000);
    const refused = await ask("POST", "/v1/me/payouts", { amount_micro_usd: 9_999_999 });
    expect(refused).toMatchObject({ status: 400, body: { error: { param: "amount_micro_usd" } } });
  });

  it("is asked for once with one Idempotency-Key", async () => {
    await earn(30_000_000);
    const key = { "Idempotency-Key": "november" };
    const [first, again] = [
      await ask("POST", "/v1/me/payouts", order, key),
      await ask("POST", "/v1/me/payouts", order, key),
    ];
    expect(again).toEqual(first);
    expect(await balance()).toMatchObject({ pending_payouts_micro_usd: 12_000_000 });
    // Whoever asks again learns what has become of it.
    await status(first.body["id"], "paid");
    expect((await ask("POST", "/v1/me/payouts", order, key)).body).toMatchObject({ status: "paid", reason: "bank" });
  });
});
