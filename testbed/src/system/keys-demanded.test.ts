import { afterAll, describe, expect, it } from "vitest";
import { ADMIN_KEY, API_KEY, startTestCoordinator } from "../scripted/test-coordinator.js";

const hearth = await startTestCoordinator();
afterAll(() => hearth[Symbol.asyncDispose]());

interface Operation {
  readonly security?: readonly object[];
}

// What the description tells of is every route there is: the coordinator's own tests hold the one to the other.
const { paths } = (await (await fetch(`${hearth.url}/openapi.json`)).json()) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { security }]) => ({
    route: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    url: hearth.url + path.replace(/\{\w+\}/g, "some-id"),
    open: security?.length === 0,
    isOperators: path.startsWith("/admin/"),
  })),
);
const guarded = routes.filter(({ open }) => !open);

describe.each(guarded)("$route", ({ method, url, isOperators }) => {
  const status = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(url, { method, headers, ...(method === "POST" || method === "PUT" ? { body: "{}" } : {}) })).status;

  it("answers nobody without a key", async () => {
    expect(await status({})).toBe(401);
    expect(await status({ Authorization: "Bearer hk-wrong" })).toBe(401);
    expect(await status({ "x-api-key": "hk-wrong" })).toBe(401);
  });

  it("answers nobody with the other kind of key", async () => {
    expect(await status({ Authorization: `Bearer ${isOperators ? API_KEY : ADMIN_KEY}` })).toBe(401);
  });
});

it("are most routes: few answer everybody", () => {
  expect(routes.filter(({ open }) => open).map(({ route }) => route)).toEqual([
    "GET /v1/encryption-key",
    "GET /v1/providers/attestation",
    "POST /dashboard/session",
    "DELETE /dashboard/session",
    "GET /dashboard/sign-in-methods",
    "GET /livez",
    "GET /readyz",
    "GET /health",
    "GET /metrics",
  ]);
  expect(guarded.filter(({ isOperators }) => isOperators).length).toBeGreaterThan(7);
});

it("hides from strangers which of the operator's routes there are", async () => {
  for (const path of ["/admin", "/admin/nothing", "/admin/providers/x"]) {
    expect((await fetch(hearth.url + path)).status).toBe(401);
    expect((await hearth.get(path, ADMIN_KEY)).status).toBe(404);
  }
});
