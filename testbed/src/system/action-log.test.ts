import { createLogger } from "@hearth/coordinator";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Who did what with the operator's routes, over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

type Members = Record<string, unknown>;

const send = async (method: string, path: string, body?: object, key = ADMIN_KEY): Promise<Members> => {
  const answer = await fetch(`${hearth.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Members;
};
const actions = async (query = ""): Promise<readonly Members[]> =>
  (await send("GET", `/admin/audit${query}`))["data"] as readonly Members[];

it("has whatever may change something, also what was refused, with what it was done to, and no secret", async () => {
  const provider = await hearth.provider((s) => s.answer("yes"));
  await send("POST", "/admin/accounts", { id: "ben", name: "a secret name" });
  const made = await send("POST", "/admin/accounts/ben/keys", { name: "ops", scopes: ["admin"] });
  await send("POST", `/admin/providers/${provider.id}/drain`, undefined, String(made["key"]));
  await send("POST", "/admin/breaker/clear", { provider: provider.id });
  await send("PATCH", "/admin/accounts/nobody", { name: "" });
  await send("GET", "/admin/providers");
  await send("POST", "/admin/explain", { model: "m" });
  await send("POST", "/admin/nothing", {});
  await send("POST", "/admin/accounts", { id: "eve" }, "nobody's key");
  const found = await actions();
  expect(found.map(({ method, route, target, status }) => [method, route, target, status])).toEqual([
    ["PATCH", "/admin/accounts/:id", "nobody", 404],
    ["POST", "/admin/breaker/clear", provider.id, 200],
    ["POST", "/admin/providers/:id/drain", provider.id, 200],
    ["POST", "/admin/accounts/:id/keys", `ben ${String(made["id"])}`, 201],
    ["POST", "/admin/accounts", "ben", 201],
  ]);
  expect(found[2]).toMatchObject({ object: "admin.action", account: "ben", key_id: made["id"] });
  expect(1_000 * Number(found[0]?.["created_at"])).toBeGreaterThan(Date.now() - 60_000);
  expect(JSON.stringify(found)).not.toContain("secret");
  expect(JSON.stringify(found)).not.toContain(String(made["key"]));
  expect(await actions("?account=ben")).toHaveLength(1);
  expect(await actions(`?limit=2&after=${String(found[2]?.["id"])}`)).toEqual(found.slice(3));
});

it("stays when it cannot be written what was done, and is told to the log", async () => {
  const lines: string[] = [];
  const log = Object.assign(createLogger("silent"), { error: (...told: unknown[]) => lines.push(String(told[1])) });
  const store = openMemoryStore();
  const actions = { ...store.actions, put: () => Promise.reject(new Error("away")) };
  await using other = await startTestCoordinator({ store: { ...store, actions }, log });
  const answer = await fetch(`${other.url}/admin/accounts`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify({ id: "ben" }),
  });
  expect(answer.status).toBe(201);
  expect(lines.filter((line) => line.includes("admin action not kept"))).toHaveLength(1);
});
