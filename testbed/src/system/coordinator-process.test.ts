import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStream } from "../scripted/answers.js";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { runCoordinator, SpawnedHearth } from "./spawned-hearth.js";
import { startStubBackend } from "./stub-backend.js";

const ask = { model: "pico", stream: true, messages: [{ role: "user", content: "hi" }] };

describe("a coordinator that gets SIGHUP", () => {
  it("ends where there are no settings to read, and reads those that it was told over its API", async () => {
    await using bare = await SpawnedHearth.start();
    bare.coordinator.signal("SIGHUP");
    expect(await bare.coordinator.exited).toEqual({ code: null, signal: "SIGHUP" });
    await using told = await SpawnedHearth.start();
    const changed = await fetch(`${told.url}/admin/config`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ models: ["m"] }),
    });
    expect(await changed.json()).toMatchObject({ kept_in: { kind: "data_directory" } });
    told.coordinator.signal("SIGHUP");
    await told.coordinator.until("reads", () => told.coordinator.logged("configuration file read again").length > 0);
  });
});

describe("a coordinator that gets SIGTERM", () => {
  it("lets what runs end, refuses what is new, and exits with 0", async () => {
    await using hearth = await SpawnedHearth.start();
    await using backend = await startStubBackend("pico", (exchange) => exchange.content("begun, "));
    await hearth.agent({ backend: backend.url });
    const running = await hearth.chat(ask);
    hearth.coordinator.signal("SIGTERM");
    await hearth.coordinator.until("is draining", async () => (await hearth.get("/readyz")).status === 503);
    const refused = await hearth.chat(ask);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ error: { code: "shutting_down" } });
    expect(backend.exchanges).toHaveLength(1);
    const [exchange] = backend.exchanges;
    exchange?.content("and ended");
    exchange?.end();
    expect(await readStream(running)).toMatchObject({
      content: "begun, and ended",
      done: 1,
      errors: [],
      broken: false,
    });
    expect(await hearth.coordinator.exited).toEqual({ code: 0, signal: null });
  });

  it("tells a stream that outlasts the drain time, once, and exits with 0 in time", async () => {
    await using hearth = await SpawnedHearth.start({ HEARTH_DRAIN_TIMEOUT_MS: "300" });
    await using backend = await startStubBackend("pico", (exchange) => exchange.content("begun"));
    await hearth.agent({ backend: backend.url });
    const running = await hearth.chat(ask);
    const stopsAt = performance.now();
    hearth.coordinator.signal("SIGTERM");
    const { content, done, errors } = await readStream(running);
    expect({ content, done, errors: errors.length }).toEqual({ content: "begun", done: 1, errors: 1 });
    expect(await hearth.coordinator.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - stopsAt).toBeLessThan(5_000);
    await eventually("the backend was told to stop", () => backend.exchanges.length === 0);
  });

  it("tells how far it is, and at a second signal ends what runs, tells its consumer, and exits with 0", async () => {
    await using hearth = await SpawnedHearth.start();
    await using backend = await startStubBackend("pico", (exchange) => exchange.content("begun"));
    await hearth.agent({ backend: backend.url });
    const running = await hearth.chat(ask);
    hearth.coordinator.signal("SIGTERM");
    await hearth.coordinator.until("tells", () => hearth.coordinator.logged("draining").length > 0);
    expect(hearth.coordinator.logged("draining")[0]).toMatchObject({
      requests: 1,
      sinceSeconds: 0,
      atMostSeconds: 1_920,
    });
    hearth.coordinator.signal("SIGTERM");
    const { content, done, errors } = await readStream(running);
    expect({ content, done, errors: errors.length }).toEqual({ content: "begun", done: 1, errors: 1 });
    expect(await hearth.coordinator.exited).toEqual({ code: 0, signal: null });
    await eventually("the backend was told to stop", () => backend.exchanges.length === 0);
  });

  it("says what it has started with and why it stops, and tells no secret", async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
    const webhook = { HEARTH_WEBHOOK_URL: "https://hooks.example/secret-path", HEARTH_WEBHOOK_SECRET: secret };
    const keys = { HEARTH_API_KEY: "sk-seeded-0123456789", HEARTH_ADMIN_KEY: "admin-seeded-0123456789" };
    await using hearth = await SpawnedHearth.start({ ...keys, ...webhook, HEARTH_LINGER_MS: "7" });
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
    const [started] = hearth.coordinator.logged("starting");
    expect(started).toMatchObject({
      version: expect.any(String),
      config: { lingerMs: 7, webhook: "https://hooks.example" },
    });
    expect(hearth.coordinator.logged("stopped")).toMatchObject([
      { reason: "SIGTERM", uptimeSeconds: expect.any(Number) },
    ]);
    const told = hearth.coordinator.stdout + hearth.coordinator.stderr;
    for (const value of [secret, "secret-path", ...Object.values(keys)]) expect(told).not.toContain(value);
  });

  it("exits with 0 when nothing runs and agents are connected", async () => {
    await using hearth = await SpawnedHearth.start();
    await using backend = await startStubBackend("pico");
    const agent = await hearth.agent({ backend: backend.url });
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
    expect(agent.alive).toBe(true);
  });
});

describe("the secrets of a coordinator", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "hearth-secrets-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const VARIABLES = ["HEARTH_API_KEY", "HEARTH_ADMIN_KEY", "HEARTH_PROVIDER_TOKEN"];

  it("are made at the first start, for their owner's eyes only, and shown that once", async () => {
    const dataDir = join(dir, "data");
    const env = { HEARTH_PORT: "0", HEARTH_DATA_DIR: dataDir };
    await using first = runCoordinator(env);
    await first.until("has shown them", () =>
      VARIABLES.every((name) => new RegExp(`${name} .*\\n`).test(first.stderr)),
    );
    await first.until("is listening", () => first.logged("listening").length > 0);
    await first.stop();
    const shown = [...first.stderr.matchAll(/^Generated (\w+) .*: (\S+)$/gm)].map(([, name, value]) => ({
      name,
      value,
    }));
    expect(shown.map(({ name }) => name).toSorted()).toEqual(VARIABLES.toSorted());
    const files = readdirSync(dataDir).map((name) => join(dataDir, name));
    const stored = new Set(files.map((file) => readFileSync(file, "utf8").trim()));
    for (const { value } of shown) expect(stored).toContain(value);
    // Beside the database with what it is owed, and two secrets that are nobody's to enter anywhere.
    const others = ["hearth.db", "ledger-journal", "node-name", "sealing-secret"];
    expect(files.map((file) => basename(file)).toSorted()).toEqual(
      ["admin-key", "api-key", "provider-token", ...others].toSorted(),
    );
    if (process.platform !== "win32") for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    await using second = runCoordinator(env);
    await second.until("is listening", () => second.logged("listening").length > 0);
    const url = String(second.logged("listening")[0]?.["url"]);
    const key = shown.find(({ name }) => name === "HEARTH_API_KEY")?.value;
    expect((await fetch(`${url}/v1/models`, { headers: { Authorization: `Bearer ${key}` } })).status).toBe(200);
    await second.stop();
    for (const { value } of shown) {
      expect(second.stdout + second.stderr).not.toContain(value);
      expect(first.stdout).not.toContain(value);
    }
  });
});

describe("a coordinator that cannot start", () => {
  it("exits with a code of its own for a busy port, and names HEARTH_PORT", async () => {
    await using hearth = await SpawnedHearth.start();
    await using second = runCoordinator({
      HEARTH_PORT: new URL(hearth.url).port,
      HEARTH_DATA_DIR: join(hearth.dataDir, "second"),
    });
    expect(await second.exited).toEqual({ code: 3, signal: null });
    expect(second.stderr).toContain("HEARTH_PORT");
    expect(second.stderr).not.toContain("    at ");
  });

  it("says so of an address that means nothing", async () => {
    await using coordinator = runCoordinator({ HEARTH_HOST: "nosuch.invalid", HEARTH_PORT: "0" });
    expect(await coordinator.exited).toEqual({ code: 3, signal: null });
    expect(coordinator.stderr).toContain("HEARTH_HOST");
    expect(coordinator.stderr).not.toContain("    at ");
  });

  it("takes no option in silence, and says where its settings are", async () => {
    await using wrong = runCoordinator({ HEARTH_PORT: "0" }, undefined, ["--port", "9000"]);
    expect(await wrong.exited).toEqual({ code: 2, signal: null });
    expect(wrong.stderr).toContain("HEARTH_PORT");
    await using help = runCoordinator({ HEARTH_PORT: "0" }, undefined, ["--help"]);
    expect(await help.exited).toEqual({ code: 0, signal: null });
    expect(help.stdout).toContain("HEARTH_PORT");
  });

  it("lists every bad variable at once, and none of their values", async () => {
    const bad = {
      HEARTH_PORT: "70000",
      HEARTH_API_KEY: "short-api-key",
      HEARTH_ADMIN_KEY: "short-admin",
      HEARTH_PROVIDER_TOKEN: "short-token",
      HEARTH_LOG_LEVEL: "loud",
      HEARTH_MAX_CONNECTIONS_PER_ADDRESS: "none",
      HEARTH_DRAIN_TIMEOUT_MS: "-5",
    };
    await using coordinator = runCoordinator(bad);
    expect(await coordinator.exited).toEqual({ code: 2, signal: null });
    for (const [name, value] of Object.entries(bad)) {
      expect(coordinator.stderr).toContain(name);
      if (name.endsWith("KEY") || name.endsWith("TOKEN")) expect(coordinator.stderr).not.toContain(value);
    }
  });
});
