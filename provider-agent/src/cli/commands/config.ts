import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parse, type TomlValue } from "smol-toml";
import {
  type ConfigProblem,
  keyText,
  type LoadedConfig,
  parseKey,
  problemLine,
  readConfigText,
  writeConfig,
} from "../../config/config-file.js";
import { setInToml } from "../../config/toml-edit.js";
import type { Step } from "../../config/toml-places.js";
import { AgentError } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";

/** `config …`: the configuration file. */
export function addConfig(program: Command, context: CliContext): void {
  const config = program.command("config").description("look at the configuration, and change it");
  const add = (usage: string, description: string, run: (invocation: Invocation, ...words: string[]) => void): void => {
    const command = config.command(usage).description(description);
    command.action((...args: unknown[]) => {
      const words = args.filter((arg) => typeof arg === "string");
      run(invocationOf(command, context), ...words);
    });
  };
  add("path", "print where the file is", ({ out, configPath }) => out.result({ path: configPath }, configPath));
  add("show", "print what holds, from flags, environment, file and defaults; no secrets", show);
  add("get <key>", "print one value of the file, like limits.max_concurrency or backends.0.url", get);
  add("set <key> <value>", "change one value of the file; comments stay where they are", set);
  add("unset <key>", "remove one value from the file", unset);
  add("edit", "open the file in $VISUAL or $EDITOR, and check it", edit);
  add("check", "say what is wrong with the file", check);
}

function show(invocation: Invocation): void {
  const document = redacted(invocation.settings());
  invocation.out.result(document, JSON.stringify(document, undefined, 2));
}

function get(invocation: Invocation, key = ""): void {
  const value = setValue(invocation, key);
  invocation.out.result(value, typeof value === "object" ? JSON.stringify(value, undefined, 2) : String(value));
}

/** @throws AgentError `check_failed` when the file does not say it */
function setValue(invocation: Invocation, key: string): unknown {
  let value: unknown = parse(textOf(invocation.loadConfig()));
  for (const step of parseKey(key)) value = (value as Readonly<Record<Step, unknown>> | undefined)?.[step];
  if (value === undefined) throw new AgentError("check_failed", `${key} is not set in ${invocation.configPath}.`);
  return value;
}

function unset(invocation: Invocation, key = ""): void {
  setValue(invocation, key);
  change(invocation, key, [undefined]);
}

function set(invocation: Invocation, key = "", value = ""): void {
  change(invocation, key, readings(value));
}

/** What a word of the command line may mean, likeliest first: TOML, a text, a list of texts. */
function readings(word: string): readonly TomlValue[] {
  const texts: readonly TomlValue[] = [word, word.split(",").map((each) => each.trim())];
  try {
    const value = parse(`v = ${word}`)["v"];
    return value === undefined ? texts : [value, ...texts];
  } catch {
    return texts;
  }
}

/** Writes the first reading with which the file is valid. */
function change(invocation: Invocation, key: string, values: readonly (TomlValue | undefined)[]): void {
  const { out, configPath } = invocation;
  const path = parseKey(key);
  const before = textOf(invocation.loadConfig());
  const problems: ConfigProblem[] = [];
  for (const value of values) {
    const edited = setInToml(before, path, value);
    const read = readConfigText(edited.text);
    if (read.type === "invalid") {
      problems.push(...read.problems);
      continue;
    }
    writeConfig(configPath, edited.text, edited.keptComments || before === "" ? "nothing" : "backup");
    if (!edited.keptComments) out.warn(`Comments were lost; the file as it was is ${configPath}.bak.`);
    const shown = redacted({ [keyText(path)]: value ?? null });
    const said = value === undefined ? " is not set any more" : ` = ${JSON.stringify(Object.values(shown)[0])}`;
    return out.result(shown, `${keyText(path)}${said}\nIt holds from the agent's next start.`);
  }
  // What is wrong inside a reading says more than that it was the wrong kind of value.
  const problem = problems.find((each) => each.key !== keyText(path)) ?? problems[0];
  const said = problem === undefined ? "" : `${problem.key}: ${problem.problem}`;
  throw new AgentError("config_invalid", `Nothing was changed: ${said}`);
}

/** @throws AgentError when it is no TOML, which cannot be changed piece by piece */
function textOf(loaded: LoadedConfig): string {
  if (loaded.type === "absent") return "";
  if (loaded.type === "invalid" && loaded.problems.every(({ key }) => key === "")) throw invalid(loaded);
  return loaded.text;
}

function edit(invocation: Invocation): void {
  const { env, configPath, out } = invocation;
  const editor = env["VISUAL"] || env["EDITOR"] || (invocation.platform === "win32" ? "notepad" : "vi");
  if (invocation.loadConfig().type === "absent") writeConfig(configPath, "");
  // An editor may be said with arguments: the shell splits it, as git has it split.
  const quoted = invocation.platform === "win32" ? `"${configPath}"` : `'${configPath.replaceAll("'", "'\\''")}'`;
  const { status, error } = spawnSync(`${editor} ${quoted}`, { shell: true, stdio: "inherit", env });
  if (error !== undefined || status !== 0)
    throw new AgentError("check_failed", `${editor} ended with ${status ?? error?.name}.`);
  const read = readConfigText(readFileSync(configPath, "utf8"));
  if (read.type === "invalid") throw invalid({ ...read, path: configPath });
  out.result({ path: configPath, valid: true }, "The file is valid. It holds from the agent's next start.");
}

function check(invocation: Invocation): void {
  const { out, configPath } = invocation;
  const loaded = invocation.loadConfig();
  if (loaded.type === "invalid") throw invalid(loaded);
  // Also what only shows when keys are fetched.
  invocation.settings();
  const text = loaded.type === "absent" ? `There is no ${configPath}; defaults hold.` : `${configPath} is valid.`;
  out.result({ path: configPath, present: loaded.type === "valid", valid: true }, text);
}

function invalid({ path, problems }: Extract<LoadedConfig, { type: "invalid" }>): AgentError {
  return new AgentError("config_invalid", problems.map((problem) => problemLine(path, problem)).join("\n"));
}

/** Members whose value is a secret; of headers to backends, anything may be one. */
const SECRET = /(^|[._])(key|backendKey|token)$/i;
const HEADER_VALUES = /^(set|replace)$/;

/** A copy that can be shown: secrets are replaced by `"(hidden)"`. */
function redacted<T extends object>(value: T): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(value, hide)) as Readonly<Record<string, unknown>>;
}

function hide(name: string, value: unknown): unknown {
  if (typeof value === "string" && SECRET.test(name)) return "(hidden)";
  if (HEADER_VALUES.test(name) && value !== null && typeof value === "object") {
    return Object.fromEntries(Object.keys(value).map((header) => [header, "(hidden)"]));
  }
  // One header set by its own key.
  if (typeof value === "string" && /\.headers\.(set|replace)\./.test(name)) return "(hidden)";
  return value;
}
