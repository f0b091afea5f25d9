import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "@hearth/coordinator";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { adminCommand } from "./admin-command.js";

// Operators with an address of their own, over real sockets.

let hearth: TestCoordinator;
let theirs: string;
let page: string;

beforeAll(async () => {
  page = mkdtempSync(join(tmpdir(), "hearth-page-"));
  writeFileSync(join(page, "index.html"), "the page");
  const { adminAddress } = readConfig({ HEARTH_ADMIN_PORT: "0" });
  hearth = await startTestCoordinator({ config: { adminAddress, dashboardDir: page } });
  theirs = hearth.coordinator.adminUrl ?? "";
});
afterAll(async () => {
  await hearth[Symbol.asyncDispose]();
  rmSync(page, { recursive: true, force: true });
});

/** Asks for a path as it stands, whatever it looks like. */
function ask(base: string, path: string, { method = "GET", body = "", headers = {} } = {}): Promise<[number, string]> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, path, method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve([response.statusCode ?? 0, text]));
    });
    call.setHeader("Authorization", `Bearer ${ADMIN_KEY}`);
    for (const [name, value] of Object.entries(headers)) call.setHeader(name, String(value));
    call.once("error", reject);
    call.end(body);
  });
}

it("has what is theirs there, and at the other address it is as if there were no such path", async () => {
  for (const path of ["/admin/providers", "/metrics"]) {
    expect((await ask(theirs, path))[0]).toBe(200);
    expect(await ask(hearth.url, path)).toEqual([404, expect.stringContaining(`No route for GET ${path}`)]);
  }
  const spellings = [
    ...[
      "/admin",
      "/admin/",
      "/admin/nothing",
      "/%61dmin/providers",
      "/admin%2Fproviders",
      "/admin/providers?x=/v1/models",
    ],
    ...["/metrics/", "/%6Detrics", "//admin/providers", "/v1/../admin/providers", "http://h/admin/providers"],
  ];
  for (const path of spellings) expect([path, (await ask(hearth.url, path))[0]]).toEqual([path, 404]);
  expect((await ask(hearth.url, "/admin/accounts", { method: "POST", body: "{}" }))[0]).toBe(404);
  expect((await ask(hearth.url, "/admin/accounts", { method: "DELETE" }))[0]).toBe(404);
});

it("shows the page at both, and operators on it at theirs alone", async () => {
  const headers = { "X-Requested-With": "hearth-dashboard" };
  for (const base of [theirs, hearth.url]) {
    expect(await ask(base, "/dashboard/", { headers: { Accept: "text/html" } })).toEqual([200, "the page"]);
    const [status, text] = await ask(base, "/dashboard/session", {
      ...{ method: "POST", headers, body: JSON.stringify({ key: ADMIN_KEY }) },
    });
    const { role } = JSON.parse(text) as { role: string };
    expect([status, role === "operator"]).toEqual([200, base === theirs]);
  }
});

it("serves everybody at the address for everybody, and the same at theirs", async () => {
  const headers = { Authorization: `Bearer ${API_KEY}` };
  for (const base of [theirs, hearth.url]) {
    expect((await fetch(`${base}/v1/models`, { headers })).status).toBe(200);
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
  }
});

it("is found by commands, as they are told of it", async () => {
  const { port } = new URL(theirs);
  const told = { HEARTH_ADMIN_PORT: port, HEARTH_PORT: new URL(hearth.url).port };
  expect(await adminCommand("", ["account", "list", "--json"], told)).toMatchObject({ code: 0 });
});

it("is closed by a stop as the other one is", async () => {
  const running = await fetch(`${theirs}/admin/live`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  expect(running.status).toBe(200);
  await hearth.stop();
  expect(await running.text()).toContain("snapshot");
  for (const base of [theirs, hearth.url]) await expect(ask(base, "/livez")).rejects.toThrow("ECONNREFUSED");
});
