import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SettingsSource, shownEnvironment } from "@hearth/coordinator";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// The operator's settings over HTTP, with a real file behind them.

const DIGEST = "0123456789abcdef".repeat(4);
const ENVIRONMENT = shownEnvironment({
  HEARTH_ADMIN_KEY: "the operator's secret",
  HEARTH_PORT: "0",
  DATABASE_URL: "postgres://who:secret-word@db.example:5433/hearth",
  HEARTH_WEBHOOK_URL: "https://user:secret-word@hooks.example/secret-path",
  HEARTH_WEBHOOK_FORMAT: "slack",
});

let dir: string;
let path: string;
let hearth: TestCoordinator;
let store: ReturnType<typeof openMemoryStore>;

const start = (): Promise<TestCoordinator> =>
  startTestCoordinator({
    settings: SettingsSource.open({ settingsFile: path, dataDir: dir }),
    environment: ENVIRONMENT,
    store: { ...store, close: async () => {} },
  });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-config-"));
  path = join(dir, "hearth.json");
  writeFileSync(path, JSON.stringify({ aliases: { best: { desired: "m" } } }));
  store = openMemoryStore();
  hearth = await start();
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

type Members = Record<string, unknown>;
interface Told {
  readonly status: number;
  readonly body: Members;
  readonly etag: string | null;
}

async function call(method: string, route = "/admin/config", body?: unknown, ifMatch?: string): Promise<Told> {
  const answer = await fetch(`${hearth.url}${route}`, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}`, ...(ifMatch !== undefined && { "If-Match": ifMatch }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Members, etag: answer.headers.get("etag") };
}

it("shows what counts, where it comes from, and the environment without secrets", async () => {
  const { body, etag } = await call("GET");
  expect(body).toMatchObject({
    object: "config",
    etag,
    kept_in: { kind: "file", path },
    document: { aliases: { best: { desired: "m" } } },
    rejected: null,
    settings: expect.arrayContaining([
      { name: "aliases.best.desired", value: "m", default: null, source: "file" },
      { name: "dispatch.patience_ms", value: 600_000, default: 600_000, source: "default" },
    ]),
    environment: expect.arrayContaining([
      { name: "HEARTH_ADMIN_KEY", value: null, source: "environment", secret: true },
      { name: "HEARTH_API_KEY", value: null, source: "default", secret: true },
      { name: "HEARTH_PORT", value: 0, source: "environment", secret: false },
      { name: "HEARTH_WEBHOOK_URL", value: "https://hooks.example", source: "environment", secret: false },
    ]),
  });
  expect(JSON.stringify(body)).toContain("db.example");
  expect(JSON.stringify(body)).not.toContain("secret-");
  expect(JSON.stringify(body)).not.toContain("operator's secret");
});

it("replaces and patches the settings, which count at once and after a restart", async () => {
  await hearth.provider((s) => s.answer("yes"), { models: [{ id: "n", capabilities: {} }] });
  const ask = async (): Promise<number> => (await hearth.chat({ model: "best", messages: [] })).status;
  expect(await ask()).not.toBe(200);
  const { etag } = await call("GET");
  const tried = await call("PATCH", "/admin/config?dry_run=true", { aliases: { best: { desired: "n" } } }, `${etag}`);
  const change = { path: "aliases.best.desired", before: "m", after: "n" };
  expect(tried).toMatchObject({ status: 200, body: { dry_run: true, changes: [change], etag } });
  expect(readFileSync(path, "utf8")).toContain('"m"');
  const done = await call("PATCH", "/admin/config", { aliases: { best: { desired: "n" } } }, `${etag}`);
  expect(done).toMatchObject({ status: 200, body: { dry_run: false, changes: [change] } });
  expect(done.etag).not.toBe(etag);
  expect(await (await hearth.chat({ model: "best", messages: [{ role: "user", content: "hi" }] })).text()).toContain(
    "yes",
  );
  expect((await call("PUT", "/admin/config", {}, `${etag}`)).status).toBe(412);
  await hearth.stop();
  hearth = await start();
  expect((await call("GET")).body).toMatchObject({ document: { aliases: { best: { desired: "n" } } } });
  expect((await call("PUT", "/admin/config", { models: ["m"] }, "*")).status).toBe(200);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ models: ["m"] });
});

it("refuses what is not valid with every problem, and changes nothing", async () => {
  const wrong = { dispatch: { patience_ms: 1 }, nonsense: 1 };
  const { status, body } = await call("PUT", "/admin/config", wrong);
  expect([status, body]).toMatchObject([
    400,
    {
      error: {
        param: expect.any(String),
        problems: expect.arrayContaining([{ path: "nonsense", message: "is no setting" }]),
      },
    },
  ]);
  expect((body["error"] as { problems: unknown[] }).problems).toHaveLength(2);
  expect((await call("PATCH", "/admin/config", [1])).status).toBe(400);
  expect(readFileSync(path, "utf8")).toContain("best");
  writeFileSync(path, "{");
  hearth.coordinator.reread();
  expect((await call("GET")).body).toMatchObject({
    document: { aliases: { best: { desired: "m" } } },
    rejected: { at: expect.any(Number), problems: [`${path} is not valid JSON`] },
  });
});

it("writes down what was changed, without digests, and nothing of what was only tried", async () => {
  await call("PUT", "/admin/config?dry_run=true", {});
  await call("PUT", "/admin/config", { nonsense: 1 });
  await call("PUT", "/admin/config", { api_keys: [{ account: "ann", sha256: DIGEST }] });
  const { data } = (await call("GET", "/admin/audit")).body as { data: Members[] };
  expect(data).toMatchObject([
    {
      ...{ method: "PUT", route: "/admin/config", status: 200 },
      changes: expect.arrayContaining([
        { path: "aliases.best", before: { desired: "m" }, after: null },
        { path: "api_keys", before: [], after: [{ account: "ann", sha256: "01234567…" }] },
      ]),
    },
    { status: 400, changes: null },
  ]);
  expect(JSON.stringify(data)).not.toContain(DIGEST);
});
