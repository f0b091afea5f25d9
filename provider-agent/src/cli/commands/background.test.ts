import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockHolder } from "../../supervisor/agent-lock.js";
import { processStartedAt } from "../../supervisor/process-start.js";
import { CliHome } from "../../testing/cli-home.js";
import { eventually } from "../../testing/eventually.js";
import { ScriptedBackend } from "../../testing/scripted-backend.js";
import { type AgentLink, ScriptedCoordinator } from "../../testing/scripted-coordinator.js";

const TOKEN = { HEARTH_PROVIDER_TOKEN: "provider-token-0123456789" };
const START_MS = 20_000;
const isGone = (pid: number): boolean => processStartedAt(pid) === undefined;

async function setting() {
  const home = new CliHome();
  const coordinator = await ScriptedCoordinator.start();
  const backend = await ScriptedBackend.start();
  home.config = `coordinators = ["${coordinator.url}"]\n[[backends]]\nkind = "openai"\nurl = "${backend.url}"\n`;
  return {
    home,
    coordinator,
    /** The process that holds the lock. */
    worker: () => lockHolder(home.dataDir, "default")?.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const pid = lockHolder(home.dataDir, "default")?.pid;
      if (pid !== undefined) process.kill(pid, "SIGTERM");
      await eventually(() => lockHolder(home.dataDir, "default") === undefined, START_MS);
      await home[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

describe("an agent in the background", () => {
  it("is started, seen in its log, and stopped", async () => {
    await using test = await setting();
    const { home, coordinator } = test;
    const started = (await home.json(["start"], TOKEN)) as {
      readonly pid: number;
      readonly log: string;
      readonly connection: unknown;
    };
    expect(started.pid).toBe(test.worker());
    expect(started.connection).toMatchObject({ type: "registered", coordinator: coordinator.url });
    await coordinator.agent(1, START_MS);
    expect(await home.run(["start"], TOKEN)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("already running"),
    });
    expect(started.log).toBe(join(home.path, ".local", "state", "hearth-agent", "agent.log"));
    await eventually(() => readFileSync(started.log, "utf8").includes('"registered"'), START_MS);
    expect((await home.run(["logs"])).stdout).toMatch(
      /info {2}worker started pid=\d+[\s\S]*info {2}registered provider=p/,
    );
    const lines = (await home.run(["logs", "--json", "-n", "1"])).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ msg: expect.any(String) })]);
    const following = home.start(["logs", "-f", "-n", "1"]);
    await following.says("Z ");
    expect((await home.run(["stop"])).stdout).toContain(`Stopped (process ${started.pid}).`);
    await following.says("stopped");
    following.process.kill("SIGINT");
    expect((await following.ended).code).toBe(0);
    expect(isGone(started.pid)).toBe(true);
    expect(await home.run(["stop"])).toMatchObject({ code: 8 });
  });

  it("that the coordinator refuses says so", async () => {
    await using home = new CliHome();
    const refuse = (link: AgentLink): void => link.close("unauthorized");
    await using coordinator = await ScriptedCoordinator.start({ registered: refuse });
    await using backend = await ScriptedBackend.start();
    const args = ["start", "--coordinator", coordinator.url, "--backend", backend.url];
    const { code, stderr } = await home.run(args, TOKEN);
    expect(code).toBe(10);
    expect(stderr).toContain("The coordinator refuses this provider token");
    await eventually(() => lockHolder(home.dataDir, "default") === undefined, START_MS);
  });

  it("that cannot start says why", async () => {
    await using test = await setting();
    const { code, stderr } = await test.home.run(["start", "--model-path", "/nowhere.gguf"], TOKEN);
    expect(code).toBe(10);
    expect(stderr).toContain("/nowhere.gguf");
  });
});

describe("serve --supervise", () => {
  it("starts a killed worker again, which registers anew", async () => {
    await using test = await setting();
    const cli = test.home.start(["serve", "--supervise"], TOKEN);
    await test.coordinator.agent(1, START_MS);
    const first = test.worker();
    process.kill(first, "SIGKILL");
    await test.coordinator.agent(2, START_MS);
    expect(test.worker()).not.toBe(first);
    expect(cli.stdout).toContain('"worker crashed"');
    cli.process.kill("SIGTERM");
    expect((await cli.ended).code).toBe(0);
  });

  it("leaves no worker behind, even when it is killed itself", async () => {
    await using test = await setting();
    const cli = test.home.start(["serve", "--supervise"], TOKEN);
    await test.coordinator.agent(1, START_MS);
    const worker = test.worker();
    cli.process.kill("SIGKILL");
    await eventually(() => isGone(worker), START_MS);
  });

  it("does not start again what would end so again", async () => {
    await using test = await setting();
    test.coordinator.script = { registered: (link) => link.close("unauthorized") };
    const { code, stderr, stdout } = await test.home.run(["serve", "--supervise"], TOKEN);
    expect(code).toBe(3);
    expect(stderr).toContain("HEARTH_PROVIDER_TOKEN");
    expect(stdout.match(/worker started/g)).toHaveLength(1);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("passes %s on, once", async (signal) => {
    await using test = await setting();
    const cli = test.home.start(["serve", "--supervise"], TOKEN);
    const link = await test.coordinator.agent(1, START_MS);
    cli.process.kill(signal);
    expect((await cli.ended).code).toBe(0);
    expect(link.frames.filter(({ type }) => type === "drain")).toHaveLength(1);
  });

  it("stops in order on Ctrl-C in a terminal, which tells all of its programs at once", async () => {
    await using test = await setting();
    const cli = test.home.startInTerminal(["serve", "--supervise"], TOKEN);
    const link = await test.coordinator.agent(1, START_MS);
    await cli.says("registered");
    cli.type("\u0003");
    expect((await cli.ended).code).toBe(0);
    expect(link.frames.filter(({ type }) => type === "drain")).toHaveLength(1);
    expect(cli.stdout).toMatch(/info {2}registered provider=p/);
  });
});

it("a second agent of the same name on one data directory ends with a clear error", async () => {
  await using test = await setting();
  const first = test.home.start(["serve"], TOKEN);
  await test.coordinator.agent(1, START_MS);
  const second = await test.home.run(["serve"], TOKEN);
  expect(second).toMatchObject({ code: 7, stderr: expect.stringContaining(`process ${first.process.pid}`) });
  const other = test.home.start(["serve", "--name", "other"], TOKEN);
  await test.coordinator.agent(2, START_MS);
  other.process.kill("SIGTERM");
  expect((await other.ended).code).toBe(0);
  first.process.kill("SIGKILL");
  await first.ended;
  const third = test.home.start(["serve"], TOKEN);
  await test.coordinator.agent(3, START_MS);
  third.process.kill("SIGTERM");
  expect((await third.ended).code).toBe(0);
});

it("a port that another program has is a clear error, and no reason to try again", async () => {
  await using test = await setting();
  const { home, coordinator } = test;
  home.config = `${home.config}[status_page]\nport = ${coordinator.port}\n`;
  const { code, stderr, stdout } = await home.run(["serve", "--supervise"], TOKEN);
  expect(code).toBe(2);
  expect(stderr).toContain(`port ${coordinator.port} is in use. Choose another status_page.port`);
  expect(stdout.match(/worker started/g)).toHaveLength(1);
});
