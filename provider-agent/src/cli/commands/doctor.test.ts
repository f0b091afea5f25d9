import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { smallDisk } from "@hearth/disk/testing";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.js";
import { takeLock } from "../../supervisor/agent-lock.js";
import { CliHome } from "../../testing/cli-home.js";
import { OLLAMA_SERVER, VLLM_SERVER } from "../../testing/recorded-servers.js";
import { ScriptedBackend } from "../../testing/scripted-backend.js";
import { ScriptedCoordinator } from "../../testing/scripted-coordinator.js";

interface Report {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly id: string;
    readonly status: string;
    readonly detail: string;
    readonly fix?: string;
  }[];
}

async function examine(home: CliHome, env: Readonly<Record<string, string>> = {}) {
  const report = (await home.json(["doctor"], env)) as Report;
  return { ...report, check: (id: string) => report.checks.find((check) => check.id === id) };
}

/** A web server that is no coordinator, and whose clock may be wrong. */
async function webServer(skewMs = 0) {
  const server = createServer((_request, response) => {
    response.sendDate = false;
    response.setHeader("Date", new Date(performance.timeOrigin + systemClock.now() + skewMs).toUTCString());
    response.statusCode = 404;
    response.end();
  });
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/provider`;
  return { url, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

describe("hearth-agent doctor", () => {
  it("finds nothing wrong where nothing is", async () => {
    await using home = new CliHome();
    await using coordinator = await ScriptedCoordinator.start();
    await using backend = await ScriptedBackend.start();
    home.config = `coordinators = ["${coordinator.url}"]\n[[backends]]\nkind = "openai"\nurl = "${backend.url}"\n`;
    const { ok, checks, check } = await examine(home, { HEARTH_PROVIDER_TOKEN: "provider-token-0123456789" });
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect(ok).toBe(true);
    expect(check("coordinator")?.detail).toContain("speaks hearth.v2");
    expect(check("backend")?.detail).toMatch(/^\d+ models?: /);
    const { code } = await home.run(["doctor"], { HEARTH_PROVIDER_TOKEN: "provider-token-0123456789" });
    expect(code).toBe(0);
  });

  it("says for each thing that is wrong how to mend it, and exits with 9", async () => {
    await using home = new CliHome();
    home.config = `coordinators = ["ws://127.0.0.1:9/ws/provider"]\n[[backends]]\nkind = "ollama"\nurl = "http://127.0.0.1:9/v1"\n`;
    mkdirSync(home.dataDir);
    chmodSync(home.dataDir, 0o755);
    const { ok, check } = await examine(home);
    expect(ok).toBe(false);
    expect(check("token")).toMatchObject({ status: "fail", fix: expect.stringContaining("hearth-agent login") });
    expect(check("coordinator")).toMatchObject({ status: "fail", detail: expect.stringContaining("ECONNREFUSED") });
    expect(check("backend")).toMatchObject({ status: "fail", detail: expect.stringContaining("ECONNREFUSED") });
    expect(check("data_dir")).toMatchObject({ status: "warn", fix: `chmod -R go-rwx '${home.dataDir}'` });
    const { code, stdout } = await home.run(["doctor"]);
    expect(code).toBe(9);
    expect(stdout).toContain("→ Run 'hearth-agent login'");
  });

  it("names each backend that is down, and each model that is not there, with what mends it", async () => {
    await using home = new CliHome();
    await using ollama = await ScriptedBackend.start(OLLAMA_SERVER);
    await using locked = await ScriptedBackend.start({ pages: { "GET /v1/models": { status: 401, body: {} } } });
    const backend = (kind: string, url: string, more = ""): string =>
      `[[backends]]\nkind = "${kind}"\nurl = "${url}"\n${more}`;
    home.config = [
      backend("ollama", ollama.url, 'models = ["qwen3-8b", "gemma3:4b"]\n'),
      backend("vllm", "http://127.0.0.1:9/v1"),
      backend("openai", locked.url),
    ].join("");
    const found = (await examine(home)).check("backend");
    expect(found).toMatchObject({ status: "fail" });
    expect(found?.detail).toBe(
      [
        `ollama at ${ollama.url} does not have qwen3-8b`,
        "vllm at http://127.0.0.1:9/v1: ECONNREFUSED",
        `openai at ${locked.url}: HTTP 401`,
      ].join("; "),
    );
    expect(found?.fix).toContain("correct backends.0.models");
    expect(found?.fix).toContain("config set backends.1.url URL");
    expect(found?.fix).toContain("config set backends.2.key_env VARIABLE");
  });

  it("misses no model that is named for all backends and that one of them has", async () => {
    await using home = new CliHome();
    await using first = await ScriptedBackend.start(OLLAMA_SERVER);
    await using second = await ScriptedBackend.start(VLLM_SERVER);
    home.config = `[[backends]]\nkind = "ollama"\nurl = "${first.url}"\nmodels = ["qwen3:8b", "Qwen/Qwen3-8B"]\n[[backends]]\nkind = "vllm"\nurl = "${second.url}"\n`;
    expect((await examine(home)).check("backend")).toMatchObject({
      status: "ok",
      detail: "2 models: qwen3:8b, Qwen/Qwen3-8B",
    });
  });

  it("tries the token with the coordinator, and throws no agent out by that", async () => {
    await using home = new CliHome();
    await using coordinator = await ScriptedCoordinator.start({
      registered: (link) => link.send({ type: "challenge", challenge: Buffer.alloc(32).toString("base64url") }),
    });
    home.config = `coordinators = ["${coordinator.url}"]\n`;
    const env = { HEARTH_PROVIDER_TOKEN: "provider-token-0123456789" };
    expect((await examine(home, env)).check("token")).toMatchObject({
      status: "ok",
      detail: "from HEARTH_PROVIDER_TOKEN, and accepted",
    });
    const told = coordinator.links.find(({ register }) => register !== undefined);
    expect(told?.register).toMatchObject({ token: env.HEARTH_PROVIDER_TOKEN, attestation: {}, models: [] });
    // An answer to the challenge would register it in the place of the agent that runs.
    expect(told?.frames).toEqual([]);
    coordinator.script = { registered: (link) => link.close("unauthorized") };
    expect((await examine(home, env)).check("token")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("revoked"),
      fix: expect.stringContaining("hearth-agent login"),
    });
    coordinator.script = { registered: (link) => link.close("too_many_connections") };
    expect((await examine(home, env)).check("token")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/not tried: .*too_many_connections/),
    });
  });

  it("says of a data directory that is a file or that is full what it is, and has nothing removed", async ({
    skip,
  }) => {
    await using home = new CliHome();
    writeFileSync(join(home.path, "file"), "");
    const inPlace = await examine(home, { HEARTH_AGENT_DATA_DIR: join(home.path, "file") });
    expect(inPlace.check("data_dir")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("is no directory"),
    });
    using disk = smallDisk() ?? skip("needs root and tmpfs");
    chmodSync(disk.path, 0o700);
    disk.fill();
    const { check } = await examine(home, { HEARTH_AGENT_DATA_DIR: disk.path });
    expect(check("data_dir")).toMatchObject({ status: "fail", detail: expect.stringContaining("ENOSPC") });
    expect(check("disk")?.status).toBe("fail");
    expect(check("attestation")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("ENOSPC"),
      fix: expect.stringContaining("leave the key file where it is"),
    });
  });

  it("goes on when the configuration is invalid, and says where", async () => {
    await using home = new CliHome();
    home.config = 'nmae = "x"\n';
    const { check } = await examine(home);
    expect(check("config")).toMatchObject({ status: "fail", detail: expect.stringContaining('did you mean "name"?') });
    expect(check("node")?.status).toBe("ok");
    expect(check("coordinator")?.status).toBe("skipped");
  });

  it("tells a web server from a coordinator, and a wrong clock from a right one", async () => {
    await using home = new CliHome();
    await using right = await webServer();
    await using wrong = await webServer(600_000);
    home.config = `coordinators = ["${right.url}"]\n`;
    expect((await examine(home)).check("coordinator")?.detail).toContain("answers HTTP 404 instead of a WebSocket");
    expect((await examine(home)).check("clock")?.status).toBe("ok");
    home.config = `coordinators = ["${wrong.url}"]\n`;
    expect((await examine(home)).check("clock")).toMatchObject({
      status: "fail",
      detail: expect.stringMatching(/^(599|600|601) s behind/),
    });
    home.config = 'coordinators = ["wss://no-such-host.invalid/ws/provider"]\n';
    expect((await examine(home)).check("coordinator")?.detail).toContain("no-such-host.invalid has no address");
  });

  it("sees an agent that runs", async () => {
    await using home = new CliHome();
    using _lock = takeLock(home.dataDir, "default");
    expect((await examine(home)).check("running")?.detail).toBe(`'default', process ${process.pid}`);
  });
});
