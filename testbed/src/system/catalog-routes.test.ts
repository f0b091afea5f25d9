import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SettingsSource } from "@hearth/coordinator";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What the operator says of models, over HTTP.

const HASH = "a".repeat(64);

let dir: string;
let hearth: TestCoordinator;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-catalog-"));
  hearth = await startTestCoordinator({ settings: SettingsSource.open({ settingsFile: undefined, dataDir: dir }) });
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

type Members = Record<string, unknown>;

async function call(method: string, path: string, body?: object): Promise<{ status: number; body: Members }> {
  const answer = await fetch(`${hearth.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Members };
}
const chat = (model: string, more: object = {}, seconds = "5") =>
  hearth.chat(
    { model, messages: [{ role: "user", content: "hi" }], ...more },
    { headers: { "X-Hearth-Timeout": seconds } },
  );
const codeOf = async (answer: Response): Promise<string | undefined> =>
  ((await answer.json()) as { error?: { code: string } }).error?.code;
const changesOf = async (told: Promise<{ body: Members }>) => (await told).body["changes"];

it("keeps aliases, floors and prices where the settings are, and takes them away again", async () => {
  const made = call("PUT", "/admin/catalog/aliases/org%2Fsmart", { desired: "org/m", patience_ms: 5_000 });
  expect(await changesOf(made)).toEqual([
    { path: "aliases.org/smart", before: null, after: { desired: "org/m", patience_ms: 5_000 } },
  ]);
  await call("PATCH", "/admin/catalog", { trust_minimum: "self_attested", version_floors: { base: "0.1.0" } });
  await call("PATCH", "/admin/catalog", { default_prices: [{ input: 1, output: 2 }], trust_minimum: null });
  const rule = { listed: true, prices: [{ input: 3, output: 4 }], version_floors: { tools: "0.2.0" } };
  expect((await call("PATCH", "/admin/catalog/models/org/m", rule)).status).toBe(200);
  const { body } = await call("GET", "/admin/catalog");
  expect(body).toMatchObject({
    object: "catalog",
    models: ["org/m"],
    aliases: { "org/smart": { desired: "org/m" } },
    model_rules: { "org/m": { enabled: true, trust_minimum: "none", version_floors: { tools: "0.2.0" } } },
    prices: { default: [{ input: 1, output: 2 }], models: { "org/m": [{ input: 3, output: 4 }] } },
    version_floors: { base: "0.1.0" },
    trust_minimum: "none",
  });
  expect(JSON.parse(readFileSync(join(dir, "settings.json"), "utf8"))).toMatchObject({ models: ["org/m"] });
  const wrong = await call("PUT", "/admin/catalog/aliases/other", { desired: "org/smart" });
  expect(wrong).toMatchObject({ status: 400, body: { error: { problems: [{ path: "aliases.other" }] } } });
  expect((await call("PATCH", "/admin/catalog/models/org/m", { nonsense: 1 })).status).toBe(400);
  expect((await call("DELETE", "/admin/catalog/aliases/org/smart")).status).toBe(200);
  expect((await call("DELETE", "/admin/catalog/aliases/org/smart")).status).toBe(404);
  await call("PATCH", "/admin/catalog/models/org/m", { listed: false, prices: null, version_floors: null });
  const after = (await call("GET", "/admin/catalog")).body;
  expect(after).toMatchObject({ models: [], aliases: {}, prices: { models: {} } });
  const { data } = (await call("GET", "/admin/audit")).body as { data: Members[] };
  expect(data.find(({ target }) => target === "org/smart")).toMatchObject({ method: "DELETE" });
});

it("switches a model off for consumers and machines, lets what runs end, and switches it on again", async () => {
  let finish = (): void => {};
  const { id } = await hearth.provider((s) => {
    s.role();
    s.content("begun");
    finish = () => {
      s.finish();
      s.end();
    };
  });
  await call("PUT", "/admin/catalog/aliases/smart", { desired: "m" });
  const running = await chat("m", { stream: true });
  expect(running.status).toBe(200);
  await call("PATCH", "/admin/catalog/models/m", { enabled: false });
  for (const name of ["m", "smart"]) {
    const refused = await chat(name);
    expect([refused.status, refused.headers.get("x-should-retry"), await codeOf(refused)]).toEqual([
      403,
      "false",
      "model_disabled",
    ]);
  }
  expect(((await (await hearth.get("/v1/models")).json()) as { data: unknown[] }).data).toEqual([]);
  expect((await hearth.get("/v1/models/m")).status).toBe(404);
  const explained = await call("POST", "/admin/explain", { model: "m" });
  expect(explained.body["data"]).toMatchObject([{ eligible: false, gates: [{ gate: "model_disabled" }] }]);
  expect((await call("GET", `/admin/providers/${id}`)).body["eligibility"]).toMatchObject([{ eligible: false }]);
  expect((await call("GET", "/admin/models")).body["data"]).toMatchObject([
    { id: "m", enabled: false, availability: "unavailable" },
    { id: "smart", enabled: false },
  ]);
  finish();
  expect(await running.text()).toContain("[DONE]");
  await call("PATCH", "/admin/catalog/models/m", { enabled: true });
  const again = chat("smart", { stream: true });
  expect((await again).status).toBe(200);
  finish();
  await (await again).text();
});

it("refuses at once whoever waits for a model that is switched off", async () => {
  const { id } = await hearth.provider(() => {});
  await call("POST", `/admin/providers/${id}/drain`);
  const waiting = chat("m", {}, "20");
  await expect.poll(() => hearth.coordinator.queued()).toBe(1);
  await call("PATCH", "/admin/catalog/models/m", { enabled: false });
  expect(await codeOf(await waiting)).toBe("model_disabled");
});

it("keeps what is known good of each model in the runtime manifest", async () => {
  const hashes = { weights: [HASH], templates: [] };
  expect(await call("PUT", "/admin/catalog/known-good/org/m", hashes)).toEqual({ status: 200, body: hashes });
  expect((await call("PUT", "/admin/catalog/known-good/n", { weights: ["x"] })).status).toBe(400);
  expect((await call("GET", "/admin/catalog")).body["known_good"]).toEqual({ "org/m": hashes });
  expect((await call("GET", "/admin/runtime-manifest")).body["models"]).toEqual({ "org/m": hashes });
  expect((await call("DELETE", "/admin/catalog/known-good/org/m")).status).toBe(200);
  expect((await call("DELETE", "/admin/catalog/known-good/org/m")).status).toBe(404);
});
