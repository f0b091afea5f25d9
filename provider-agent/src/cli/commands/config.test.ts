import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";

describe("hearth-agent config", () => {
  it("sets values of any kind and keeps what else is there", async () => {
    await using home = new CliHome();
    home.config = '# mine\nname = "a" # upstairs\n';
    for (const [key, value] of [
      ["name", "loft"],
      ["limits.max_concurrency", "2"],
      ["availability.pause_on_battery", "true"],
      ["coordinators", "wss://a.example/ws, wss://b.example/ws"],
      ["availability.windows", '["mon-fri 22:00-07:00"]'],
    ] as const) {
      expect(await home.run(["config", "set", key, value])).toMatchObject({ code: 0, stderr: "" });
    }
    expect(home.config).toContain('# mine\nname = "loft" # upstairs\n');
    expect(await home.json(["config", "get", "limits.max_concurrency"])).toBe(2);
    expect((await home.run(["config", "get", "coordinators.1"])).stdout).toBe("wss://b.example/ws\n");
    expect(await home.json(["config", "show"])).toMatchObject({
      name: "loft",
      limits: { maxConcurrency: 2 },
      availability: { pauseOnBattery: true, windows: [{ days: [1, 2, 3, 4, 5] }] },
      coordinators: ["wss://a.example/ws", "wss://b.example/ws"],
    });
    expect((await home.run(["config", "unset", "name"])).code).toBe(0);
    expect((await home.run(["config", "get", "name"])).code).toBe(9);
    expect(statSync(home.configPath).mode & 0o777).toBe(0o600);
  });

  it("removes nothing that is not there, and says so", async () => {
    await using home = new CliHome();
    home.config = '# mine\nname = "a"\n';
    const missing = { code: 9, stderr: `limits.max_concurrency is not set in ${home.configPath}.\n` };
    expect(await home.run(["config", "unset", "limits.max_concurrency"])).toMatchObject(missing);
    expect((await home.run(["config", "unset", "nonsense"])).code).toBe(9);
    expect(home.config).toBe('# mine\nname = "a"\n');
    expect((await home.run(["config", "unset", "name"])).stdout).toContain("name is not set any more\n");
    expect(home.config).toBe("# mine\n");
  });

  it("says of a file that cannot be one what it is", async () => {
    await using home = new CliHome();
    const said = async (path: string) => (await home.run(["--config", path, "config", "show"])).stderr;
    expect(await said(home.path)).toBe(`${home.path} cannot be read: it is a directory (EISDIR).\n`);
    if (process.platform !== "win32") expect(await said("/dev/zero")).toContain("more than any configuration needs");
  });

  it("says of a file that is wrong that it is, also where nothing is to be started", async () => {
    await using home = new CliHome();
    home.config = "name = 5\n";
    for (const command of ["status", "pause", "stop"]) {
      expect((await home.run([command])).stderr).toMatch(/^The configuration is wrong:\n {2}- .*:1: name: /);
    }
    expect((await home.run(["serve"])).stderr).toMatch(/^The agent cannot start:\n {2}- .*:1: name: /);
  });

  it("takes a text that looks like a number where a text belongs", async () => {
    await using home = new CliHome();
    await home.run(["config", "set", "name", "42"]);
    expect(home.config).toBe('name = "42"\n');
  });

  it.each([
    ["nmae", "x", 'unknown key "nmae": did you mean "name"?'],
    ["limits.max_concurrency", "many", "limits.max_concurrency: Invalid input: expected number"],
    ["coordinators", "http://x", "must be a ws:// or wss:// URL"],
  ])("refuses %s = %s and changes nothing", async (key, value, words) => {
    await using home = new CliHome();
    home.config = 'name = "a"\n';
    expect(await home.run(["config", "set", key, value])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words),
    });
    expect(home.config).toBe('name = "a"\n');
  });

  it("mends a file that is invalid piece by piece", async () => {
    await using home = new CliHome();
    home.config = 'log_level = "loud"\n';
    expect((await home.run(["config", "check"])).stderr).toContain(`${home.configPath}:1: log_level: Invalid option`);
    expect((await home.run(["config", "set", "log_level", "warn"])).code).toBe(0);
    expect((await home.run(["config", "check"])).code).toBe(0);
  });

  it.each(["", '[[backends]]\nkind = "ollama"\n'])(
    "sets nothing in a backend that is not there, in a sentence: %j",
    async (file) => {
      await using home = new CliHome();
      home.config = file;
      const { code, stderr } = await home.run(["config", "set", "backends.3.url", "http://127.0.0.1:9/v1"]);
      expect(code).toBe(2);
      expect(stderr.trimEnd().split("\n")).toEqual([
        expect.stringContaining("Nothing was changed: there is no backends"),
      ]);
      expect(home.config).toBe(file);
    },
  );

  it("shows no secret", async () => {
    await using home = new CliHome();
    home.config = `[[backends]]\nkind = "vllm"\nkey = "s3cret"\nheaders = { set = { x-team = "s3cret" } }\n`;
    const { stdout, code } = await home.run(["config", "show"]);
    expect(code).toBe(0);
    expect(stdout).toContain("(hidden)");
    expect(stdout).not.toContain("s3cret");
    expect((await home.run(["config", "set", "backends.0.key", "s3cret2"])).stdout).not.toContain("s3cret2");
    expect(home.config).toContain('key = "s3cret2"');
  });

  it("opens the editor of the owner's choice, and says what is wrong afterwards", async () => {
    await using home = new CliHome();
    const script = join(home.path, "my editor.sh");
    writeFileSync(script, 'echo "name = 1" > "$2"\n');
    const edited = await home.run(["config", "edit"], { EDITOR: `sh '${script}' --wait` });
    expect(edited).toMatchObject({ code: 2, stderr: expect.stringContaining("config.toml:1: name: Invalid input") });
    expect(await home.run(["config", "edit"], { VISUAL: "false", EDITOR: "true" })).toMatchObject({ code: 9 });
  });
});
