import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

// What keeps requests from machines, and clearing it, over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth[Symbol.asyncDispose]());

const QUESTION = { model: "m", messages: [{ role: "user", content: "?" }] };

interface List {
  readonly data: readonly Record<string, unknown>[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}
const listed = async (path: string): Promise<List> => (await (await hearth.get(path, ADMIN_KEY)).json()) as List;
const clear = (body: object): Promise<Response> =>
  fetch(`${hearth.url}/admin/breaker/clear`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify(body),
  });

it("tells which machines are out, why and for how long, and takes it back when it is cleared", async () => {
  const provider = await hearth.provider((s) => s.errorWithBody(500, { error: "broken" }));
  for (let n = 0; n < 3; n++) await (await hearth.chat(QUESTION)).json();
  const { data, has_more, last_id } = await listed("/admin/breaker");
  expect([has_more, last_id]).toEqual([false, `${provider.id}/m/base`]);
  expect(data).toMatchObject([
    { provider: provider.id, model: "m", shape: "base", state: "open", reason: "It failed several times." },
  ]);
  expect(data[0]?.["remaining_ms"]).toBeGreaterThan(20_000);
  expect((await listed(`/admin/breaker?after=${last_id}`)).data).toEqual([]);
  expect((await listed("/admin/breaker?provider=other")).data).toEqual([]);
  const cleared = await clear({ provider: provider.id, model: "m" });
  expect(await cleared.json()).toMatchObject({
    object: "breaker.cleared",
    provider: provider.id,
    model: "m",
    cleared: 1,
  });
  expect((await listed("/admin/breaker")).data).toEqual([]);
  expect((await clear({ model: "m" })).status).toBe(400);
});

it("tells who waits", async () => {
  expect((await listed("/admin/queue")).data).toEqual([]);
  const held: (() => void)[] = [];
  const slots = [{ model: "m", state: "running" as const, running: 0, queued: 0, max_concurrency: 1 }];
  await hearth.provider((s) => void held.push(() => s.answer("yes")), { slots });
  const answers = [hearth.chat(QUESTION), hearth.chat(QUESTION)];
  await eventually("one waits", async () => (await listed("/admin/queue")).data.length === 1);
  const [queued = {}] = (await listed("/admin/queue")).data;
  expect(queued).toMatchObject({ model: "m", waiting: 1, limit: 64, oldest_ms: expect.any(Number) });
  for (const answer of answers) {
    await eventually("a machine is asked", () => held.length > 0);
    held.shift()?.();
    await (await answer).json();
  }
  expect((await listed("/admin/queue")).data).toEqual([]);
});
