import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

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
