import type { ProviderId } from "@hearth/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

// What the operator sees of a machine, and does with it, over HTTP.

let store: ReturnType<typeof openMemoryStore>;
let hearth: TestCoordinator;

beforeEach(async () => {
  store = openMemoryStore();
  hearth = await startTestCoordinator({ store: { ...store, close: async () => {} } });
});
afterEach(async () => {
  await hearth.stop();
  await store.close();
});

const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };
type Members = Record<string, unknown>;

async function call(method: string, path: string, body?: object): Promise<{ status: number; told: Members }> {
  const answer = await fetch(`${hearth.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, told: (await answer.json()) as Members };
}
const ask = async (): Promise<number> => {
  const answer = await hearth.chat(QUESTION, { headers: { "X-Hearth-Timeout": "1" } });
  await answer.text();
  return answer.status;
};
const answering = () => hearth.provider((s) => s.answer("a secret answer"));

it("shows a machine with what stops it, and its latest requests", async () => {
  const { id } = await answering();
  expect(await ask()).toBe(200);
  const { told } = await call("GET", `/admin/providers/${id}`);
  expect(told).toMatchObject({
    ...{ id, status: "serving", drained: false, label: null, notes: "", distrusted_ms: 0 },
    eligibility: [{ model: "m", eligible: true, gates: [] }],
    recent_requests: [{ outcome: "success", provider: id }],
  });
  expect(JSON.stringify(told)).not.toContain("secret");
  expect((await call("GET", "/admin/providers/nobody")).status).toBe(404);
  expect((await call("POST", "/admin/providers/nobody/drain")).status).toBe(404);
});

it("sets a machine aside until it is resumed, and lets what runs end", async () => {
  let finish = (): void => {};
  const { id } = await hearth.provider((s) => {
    s.role();
    s.content("begun");
    finish = () => {
      s.finish();
      s.end();
    };
  });
  const running = await hearth.chat({ ...QUESTION, stream: true });
  expect((await call("POST", `/admin/providers/${id}/drain`)).told).toMatchObject({ drained: true, connected: true });
  const { told } = await call("GET", `/admin/providers/${id}`);
  expect(told).toMatchObject({
    status: "draining",
    eligibility: [{ eligible: false, gates: [{ gate: "draining", words: "takes nothing new" }] }],
  });
  expect(await ask()).toBe(429);
  finish();
  expect(await running.text()).toContain("[DONE]");
  expect((await call("POST", `/admin/providers/${id}/resume`)).told).toMatchObject({ drained: false });
  const answer = hearth.chat({ ...QUESTION, stream: true });
  expect((await answer).status).toBe(200);
  finish();
  await (await answer).text();
});

it("remembers label, notes and being set aside over a restart", async () => {
  const { id } = await answering();
  const said = await call("PATCH", `/admin/providers/${id}`, { label: "under the desk", notes: "asked Ben" });
  expect(said.told).toMatchObject({ label: "under the desk", notes: "asked Ben", drained: false });
  await call("POST", `/admin/providers/${id}/drain`);
  const own = (await (await hearth.get("/v1/me/providers")).json()) as { data: Members[] };
  expect(own.data).toMatchObject([{ id, label: null, drained: true }]);
  await hearth.stop();
  hearth = await startTestCoordinator({ store: { ...store, close: async () => {} } });
  const named = await call("PATCH", `/admin/providers/${id}`, { notes: null });
  expect(named.told).toMatchObject({ label: "under the desk", notes: "", drained: true, connected: false });
  await call("PATCH", `/admin/providers/${id}`, { label: null });
  await call("POST", `/admin/providers/${id}/resume`);
  expect(await store.documents.list("machine-note/")).toEqual([]);
  expect((await call("PATCH", `/admin/providers/${id}`, { label: "x".repeat(129) })).status).not.toBe(200);
});

it("closes a machine's connection, and keeps one that is not trusted from serving", async () => {
  const { id } = await answering();
  expect((await call("POST", `/admin/providers/${id}/disconnect`)).told).toMatchObject({ connected: false });
  await eventually("it is gone", () => hearth.coordinator.registry.size === 0);
  const other = await hearth.provider((s) => s.answer("yes"), { name: "other" });
  expect(await ask()).toBe(200);
  expect((await call("POST", `/admin/providers/${other.id}/untrust`)).status).toBe(200);
  await eventually("it is gone", () => hearth.coordinator.registry.size === 0);
  expect(hearth.coordinator.registry.isDistrusted(other.id as ProviderId)).toBe(true);
});
