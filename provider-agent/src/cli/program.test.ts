import { spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { CliHome } from "../testing/cli-home.js";
import type { CliContext } from "./invocation.js";
import { createProgram } from "./program.js";

/** All commands, with what leads to them. */
function everyCommand(command: Command, path = command.name()): readonly { path: string; command: Command }[] {
  return [{ path, command }, ...command.commands.flatMap((each) => everyCommand(each, `${path} ${each.name()}`))];
}

const COMMANDS = [
  ...["init", "login", "logout", "config", "doctor", "serve", "start", "stop", "install", "uninstall", "status"],
  ...["pause", "resume", "logs", "models list", "models scan", "models hash", "models check", "bench"],
  ...["attest show", "attest verify", "completion", "config path", "config show", "config get", "config set"],
  ...["config edit", "config check"],
];

describe("the command line", () => {
  it("explains every command and every option", () => {
    const program = createProgram({ stderr: new PassThrough() } as unknown as CliContext);
    const all = everyCommand(program);
    expect(all.map(({ path }) => path)).toEqual(expect.arrayContaining(COMMANDS.map((name) => `hearth-agent ${name}`)));
    for (const { path, command } of all) {
      expect(command.description(), path).not.toBe("");
      expect(command.helpInformation(), path).toContain(`Usage: ${path}`);
      for (const option of command.options) expect(option.description, `${path} ${option.flags}`).not.toBe("");
    }
  });

  it.each([
    [["srve"], "unknown command 'srve'\n(Did you mean serve?)"],
    [["serve", "--cordinator", "x"], "unknown option '--cordinator'\n(Did you mean --coordinator?)"],
    [["config", "set", "name"], "missing required argument 'value'"],
    [["models"], "Which command?"],
    [["pause", "--for", "soon"], '"soon" is no length of time: say 45m, 2h or 1h30m.'],
    [["logs", "-n", "-1"], "must be a whole number"],
    [["serve", "--log-level", "loud"], "Allowed choices are trace, debug"],
    [["status", "--config", "/nowhere.toml"], "/nowhere.toml is not there. 'hearth-agent init' makes one."],
  ])("says what is wrong with %j, for people and for scripts", async (args, words) => {
    await using home = new CliHome();
    const [forPeople, forScripts] = await Promise.all([home.run(args), home.run(["--json", ...args])]);
    expect(forPeople).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
    expect(forScripts).toMatchObject({ code: 2, stdout: "" });
    expect(JSON.parse(forScripts.stderr)).toEqual({
      error: { code: "config_invalid", exit_code: 2, message: expect.stringContaining(words) },
    });
  });

  it("takes its common options before and after the command", async () => {
    await using home = new CliHome();
    const wanted = { path: home.configPath };
    for (const args of [
      ["--json", "config", "path"],
      ["config", "--json", "path"],
      ["config", "path", "--json"],
    ]) {
      expect(JSON.parse((await home.run(args)).stdout)).toEqual(wanted);
    }
  });

  it("paints only a terminal, and not that when it is told so", async () => {
    await using home = new CliHome();
    const paint = "\u001b[3";
    const doctor = ["doctor"];
    const plain = await home.run(doctor);
    const forced = await home.run(doctor, { FORCE_COLOR: "1" });
    const asked = await home.run([...doctor, "--no-color"], { FORCE_COLOR: "1" });
    const variable = await home.run(doctor, { FORCE_COLOR: "1", NO_COLOR: "1" });
    expect(forced.stdout).toContain(paint);
    for (const { stdout } of [plain, asked, variable]) expect(stdout).not.toContain("\u001b[");
    const terminal = await home.startInTerminal(doctor).ended;
    expect(terminal.stdout).toContain(paint);
  });
});

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("gives a script that %s can read", async (shell) => {
    await using home = new CliHome();
    const { code, stdout } = await home.run(["completion", shell]);
    expect(code).toBe(0);
    expect(stdout).toContain("hearth-agent");
    const { error, status, stderr } = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" });
    // Not every machine has every shell.
    if (error === undefined) expect(status, stderr).toBe(0);
  });

  it("completes commands, subcommands and options", async () => {
    await using home = new CliHome();
    const complete = async (...words: string[]): Promise<string> =>
      (await home.run(["complete", "--", ...words])).stdout;
    expect(await complete("do")).toMatch(/^doctor\t/);
    expect(await complete("config", "")).toMatch(/^set\t/m);
    expect(await complete("serve", "--coo")).toMatch(/^--coordinator\t/);
    expect(await complete("serve", "--log-level", "")).toMatch(/^debug/m);
  });

  it.skipIf(spawnSync("bash", ["--version"]).error !== undefined)("works in a real bash", async () => {
    await using home = new CliHome();
    const { stdout: script } = await home.run(["completion", "bash"]);
    const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
    const program = `hearth-agent() { "${process.execPath}" "${main}" "$@"; }`;
    // What the package bash-completion gives, and the shell itself while somebody types.
    const shell = `_get_comp_words_by_ref() { cur=doc; prev=hearth-agent; words=(hearth-agent doc); cword=1; }
      compopt() { :; }`;
    const show = "printf '%s\\n' $(printf '%s\\n' $" + "{COMPREPLY[@]})";
    const lines = [
      program,
      script,
      shell,
      "COMP_WORDS=(hearth-agent doc); COMP_CWORD=1",
      "__hearth_agent_complete",
      show,
    ];
    const env = { HOME: home.path, PATH: "/usr/bin:/bin" };
    const { stdout, stderr } = spawnSync("bash", ["--norc"], { input: lines.join("\n"), encoding: "utf8", env });
    expect(stdout.trim(), stderr).toBe("doctor");
  });
});
