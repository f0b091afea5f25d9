import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What an owner is told of a machine, over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth[Symbol.asyncDispose]());

const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };
type Members = Record<string, unknown>;
const told = async (id: string): Promise<Members & { last_hour: Members }> =>
  (await (await hearth.get(`/v1/me/machines/${id}`)).json()) as Members & { last_hour: Members };

it("says what a machine has had of the work, what others had, and that nothing is against it", async () => {
  const mine = await hearth.provider((s) => s.answer("a secret answer"), { name: "mine" });
  await (await hearth.chat(QUESTION)).json();
  const other = await hearth.provider((s) => s.answer("a secret answer"), { name: "other" });
  const only = { headers: { "X-Hearth-Providers": other.id } };
  for (let n = 0; n < 3; n++) await (await hearth.chat(QUESTION, only)).json();
  await mine.beat();
  const insight = await told(mine.id);
  expect(insight).toMatchObject({
    ...{ id: mine.id, status: "serving", drained: false, distrusted_ms: 0, trust_ends_ms: null },
    eligibility: [{ model: "m", eligible: true, gates: [], able: 2, rank: expect.any(Number) }],
    last_hour: {
      ...{ picked: 1, requests: 4, attempts: 1, answered: 1, failed: 0, late: 0, share: 0.25 },
      stopped: [{ gate: "allowlist", count: 3 }],
      others: { requests: 3, total_ms: expect.any(Number) },
    },
    last_request: { model: "m", result: "success", reason: null },
  });
  expect(insight["advice"]).toEqual([expect.stringMatching(/^m: /)]);
  expect(JSON.stringify(insight)).not.toContain("secret");
});

it("says which gate stops it, and what would change that", async () => {
  const { id } = await hearth.provider((s) => s.answer("yes"));
  await fetch(`${hearth.url}/admin/providers/${id}/drain`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
  });
  const { advice, drained, eligibility } = await told(id);
  expect(drained).toBe(true);
  expect(advice).toEqual(["m: it takes nothing new. Whoever drains it, its owner or the operator, has to resume it."]);
  expect(eligibility).toMatchObject([{ eligible: false, rank: null, gates: [{ gate: "draining" }] }]);
});

it("shows nobody else's machine", async () => {
  const { id } = await hearth.provider((s) => s.answer("yes"));
  expect((await hearth.get(`/v1/me/machines/${id}`)).status).toBe(200);
  expect((await hearth.get("/v1/me/machines/nobody")).status).toBe(404);
  const send = async (path: string, body: object): Promise<Members> => {
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    return (await (
      await fetch(`${hearth.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) })
    ).json()) as Members;
  };
  await send("/admin/accounts", { id: "ben" });
  const { key } = await send("/admin/accounts/ben/keys", { name: "app", scopes: ["provider"] });
  expect((await hearth.get(`/v1/me/machines/${id}`, String(key))).status).toBe(404);
});

describe("an owner's pause", () => {
  const post = (path: string, body?: object, key = API_KEY): Promise<Response> =>
    fetch(`${hearth.url}/v1/me/machines/${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}` },
      ...(body && { body: JSON.stringify(body) }),
    });
  const seconds = (): number => Math.floor(Date.now() / 1_000);
  const keptStore = () => {
    const store = openMemoryStore();
    return { ...store, close: async () => {} };
  };

  it("keeps requests away at once, tells the machine, and ends when the owner says so", async () => {
    const { id } = await hearth.provider((s) => s.answer("yes"));
    const paused = await post(`${id}/pause`, { reason: "video call" });
    expect(await paused.json()).toEqual({
      object: "machine.pause",
      id,
      paused: { until: null, reason: "video call" },
    });
    const { advice, status, eligibility } = await told(id);
    expect(status).toBe("draining");
    expect(eligibility).toMatchObject([{ gates: [{ gate: "draining" }] }]);
    expect(advice).toEqual([
      "You have paused this machine at the coordinator, until you resume it there: video call",
      expect.stringMatching(/^m: it takes nothing new/),
    ]);
    const waiting = hearth.chat(QUESTION);
    await expect.poll(() => hearth.coordinator.queued()).toBe(1);
    expect(await (await post(`${id}/resume`)).json()).toMatchObject({ paused: null });
    expect((await waiting).status).toBe(200);
  });

  it("holds over a restart and a new connection, and ends by itself", async () => {
    const store = keptStore();
    const identity = Buffer.alloc(32, 7).toString("base64url");
    const start = async (): Promise<TestCoordinator> => startTestCoordinator({ store });
    const first = await start();
    const { id } = await first.provider((s) => s.answer("yes"), { identity });
    const until = seconds() + 2;
    const headers = { Authorization: `Bearer ${API_KEY}` };
    const body = JSON.stringify({ until });
    await fetch(`${first.url}/v1/me/machines/${id}/pause`, { method: "POST", headers, body });
    await first.stop();
    await using second = await start();
    const again = await second.provider((s) => s.answer("yes"), { identity });
    expect(again.id).toBe(id);
    const insight = await second.get(`/v1/me/machines/${id}`);
    expect(await insight.json()).toMatchObject({ status: "draining", paused: { until, reason: null } });
    const statusOf = async (): Promise<unknown> =>
      ((await (await second.get(`/v1/me/machines/${id}`)).json()) as Members)["status"];
    await expect.poll(statusOf, { timeout: 10_000 }).toBe("serving");
    await expect.poll(() => store.documents.list("machine-pause/")).toEqual([]);
  });

  it("is the owner's alone, and nothing that has no end in sight", async () => {
    const { id } = await hearth.provider((s) => s.answer("yes"));
    expect((await post(`${id}/pause`, { until: seconds() - 1 })).status).toBe(400);
    expect((await post(`${id}/pause`, { reason: "a\u001b[2Jb" })).status).toBe(400);
    expect((await post("nobody/pause")).status).toBe(404);
    const made = await fetch(`${hearth.url}/admin/accounts`, {
      method: "POST",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ id: "anna" }),
    });
    expect(made.status).toBe(201);
    const key = await fetch(`${hearth.url}/admin/accounts/anna/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ scopes: ["provider"] }),
    });
    const { key: annas } = (await key.json()) as { readonly key: string };
    expect((await post(`${id}/pause`, {}, annas)).status).toBe(404);
    expect((await told(id))["status"]).toBe("serving");
  });
});
