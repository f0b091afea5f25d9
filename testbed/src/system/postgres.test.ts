import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BreakableProxy } from "../../../coordinator/src/store/testing/breakable-proxy.js";
import {
  hasPostgres,
  type ScratchPostgres,
  scratchPostgres,
  TEST_URL,
} from "../../../coordinator/src/store/testing/scratch-postgres.js";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { runCoordinator, SpawnedHearth } from "./spawned-hearth.js";
import { startStubBackend } from "./stub-backend.js";

const isHere = await hasPostgres();
const PASSWORD = "s3cret-word";
const ask = { model: "pico", messages: [{ role: "user", content: "hi" }] };

/** The test server's URL by another way, with a password that trust does not ask for. */
function urlAt(port: number): string {
  return Object.assign(new URL(TEST_URL), { hostname: "127.0.0.1", port: String(port), password: PASSWORD }).href;
}

async function putManifest(hearth: SpawnedHearth, version: string): Promise<number> {
  const { status } = await fetch(`${hearth.url}/admin/runtime-manifest`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ update: { latest_version: version } }),
  });
  return status;
}

async function latestVersion(hearth: SpawnedHearth): Promise<unknown> {
  const manifest = (await (await hearth.get("/admin/runtime-manifest", ADMIN_KEY)).json()) as {
    readonly update?: { readonly latest_version: string };
  };
  return manifest.update?.latest_version;
}

async function reasons(hearth: SpawnedHearth): Promise<readonly string[]> {
  const health = (await (await hearth.get("/health")).json()) as { readonly reasons?: readonly string[] };
  return health.reasons ?? [];
}

describe("a coordinator on PostgreSQL", () => {
  let scratch: ScratchPostgres;
  let proxy: BreakableProxy;
  beforeEach(async ({ skip }) => {
    if (!isHere) skip("needs a PostgreSQL");
    scratch = await scratchPostgres();
    const { hostname, port } = new URL(TEST_URL);
    proxy = await BreakableProxy.start(hostname, Number(port || 5432));
  });
  afterEach(async () => {
    if (!isHere) return;
    await proxy.close();
    await scratch.clear();
  });

  const env = (): Record<string, string> => ({
    DATABASE_URL: urlAt(proxy.port),
    HEARTH_DATABASE_SCHEMA: scratch.schema,
  });

  it("has after a kill what it had before, and another one sees it as well", async () => {
    await using hearth = await SpawnedHearth.start(env());
    expect(await putManifest(hearth, "0.0.1")).toBe(200);
    await hearth.coordinator.kill();
    await hearth.startCoordinator();
    expect(await latestVersion(hearth)).toBe("0.0.1");
    await using other = await SpawnedHearth.start(env());
    expect(await latestVersion(other)).toBe("0.0.1");
  });

  it("answers requests while the database is away, says so, and writes again when it is back", async () => {
    await using backend = await startStubBackend("pico", (exchange) => {
      exchange.content("fine");
      exchange.end();
    });
    await using hearth = await SpawnedHearth.start(env());
    await hearth.agent({ backend: backend.url });
    proxy.cut();
    expect(await putManifest(hearth, "0.0.1")).toBe(503);
    expect(await reasons(hearth)).toEqual(["store_away"]);
    const answer = await hearth.chat({ ...ask, stream: true });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("fine");
    proxy.mend();
    expect(await putManifest(hearth, "0.0.1")).toBe(200);
    await eventually("all is well", async () => (await reasons(hearth)).length === 0);
    expect(hearth.coordinator.stdout + hearth.coordinator.stderr).not.toContain(PASSWORD);
  });

  it("does not start without its database, and says which one, with an exit code of its own", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hearth-away-"));
    try {
      proxy.cut();
      const coordinator = runCoordinator({ HEARTH_DATA_DIR: dataDir, ...env() });
      expect(await coordinator.exited).toMatchObject({ code: 6 });
      const { stderr } = coordinator;
      expect(stderr).toMatch(new RegExp(`The database postgres on 127\\.0\\.0\\.1:${proxy.port} is not reached\\.`));
      expect(stderr).not.toContain(PASSWORD);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});
