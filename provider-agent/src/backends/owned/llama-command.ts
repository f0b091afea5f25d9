import { execFile } from "node:child_process";
import { constants, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { describeFault } from "@hearth/platform";
import { AgentError } from "../../platform/agent-error.js";

export interface LlamaCommand {
  /** The program: a path, or a name that is looked for in `PATH`. */
  readonly command: string;
  readonly modelPath: string;
  /** More arguments for the program. */
  readonly args: readonly string[];
}

/** Arguments that are the agent's to give. */
const OURS: ReadonlySet<string> = new Set([
  ...["-m", "--model", "-a", "--alias", "--host", "--port", "--api-key", "--api-key-file", "--reuse-port"],
  ...["--ssl-key-file", "--ssl-cert-file", "--path", "--api-prefix", "--no-slots", "--sleep-idle-seconds"],
]);

/** Arguments that would write prompts or answers to disk, or more than start-up to stderr. */
const TELLING: ReadonlySet<string> = new Set([
  ...["--log-file", "--log-prompts-dir", "--slot-save-path", "--log-jsonl"],
  ...["-v", "--verbose", "--log-verbose", "-lv", "--verbosity", "--log-verbosity"],
]);

/** @returns everything that is wrong with the arguments */
export function llamaArgProblems(args: readonly string[]): readonly string[] {
  return args.flatMap((arg) => {
    const name = arg.split("=", 1)[0] ?? arg;
    if (OURS.has(name)) return [`args: ${name} is set by the agent`];
    if (TELLING.has(name)) return [`args: ${name} could bring prompts or answers into a log or onto disk`];
    return [];
  });
}

/**
 * Checks that the program and the model are there.
 *
 * @returns the size of the model file, bytes
 * @throws AgentError `config_invalid` with every problem and what to do
 */
export async function checkLlamaCommand({ command, modelPath, args }: LlamaCommand): Promise<number> {
  const [program, model] = await Promise.all([programProblem(command), modelFile(modelPath)]);
  const problems = [...llamaArgProblems(args), ...(program ?? []), ...(typeof model === "number" ? [] : [model])];
  if (problems.length === 0 && typeof model === "number") return model;
  const lines = problems.map((problem) => `  - ${problem}`);
  throw new AgentError("config_invalid", `llama-server cannot be started:\n${lines.join("\n")}`);
}

async function modelFile(path: string): Promise<number | string> {
  let stats: Stats;
  try {
    stats = await stat(path);
    await access(path, constants.R_OK);
  } catch (error) {
    return `model_path: ${path} cannot be read: ${describeFault(error).code ?? "error"}`;
  }
  return stats.isFile() ? stats.size : `model_path: ${path} is no file`;
}

async function programProblem(command: string): Promise<readonly string[] | undefined> {
  if (/[\\/]/.test(command)) {
    try {
      await access(command, constants.X_OK);
      return undefined;
    } catch (error) {
      return [`command: ${command} cannot be run: ${describeFault(error).code ?? "error"}`];
    }
  }
  if (await isInPath(command)) return undefined;
  return [
    `command: ${command} is not installed, or not in PATH: install llama.cpp (macOS: brew install llama.cpp), ` +
      "or give the program's full path",
  ];
}

function isInPath(command: string): Promise<boolean> {
  const [program, args] =
    process.platform === "win32" ? ["where", [command]] : ["/bin/sh", ["-c", 'command -v -- "$1"', "sh", command]];
  return new Promise((resolve) => {
    execFile(program as string, args as string[], (error) => resolve(error === null));
  });
}
