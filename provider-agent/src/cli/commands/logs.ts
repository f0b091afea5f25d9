import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { sleep } from "@hearth/platform";
import { type Command, InvalidArgumentError } from "commander";
import { platformPaths } from "../../config/config-path.js";
import { AgentError } from "../../platform/agent-error.js";
import { dataUnusable } from "../../platform/data-directory.js";
import { formatLogLine } from "../../platform/logger.js";
import { SYSTEMD_UNIT } from "../../service/init-system.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";

interface LogFlags {
  readonly follow?: boolean;
  readonly lines: number;
}

/** As much of a log file as is looked at for its last lines, bytes. */
const TAIL_BYTES = 4 << 20;
const POLL_MS = 250;

/** `logs`: what the agent in the background says. */
export function addLogs(program: Command, context: CliContext): void {
  const command = program
    .command("logs")
    .description("show the log of the agent that runs in the background")
    .option("-f, --follow", "go on as it grows")
    .option("-n, --lines <count>", "how many of the last lines", parseCount, 50)
    .addHelpText("after", "\nWith --json, lines come as they were logged: JSON, one object a line.")
    .action((flags: LogFlags) => showLogs(invocationOf(command, context), flags));
}

function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 0 || count > 100_000) {
    throw new InvalidArgumentError("It must be a whole number from 0 to 100000.");
  }
  return count;
}

async function showLogs(invocation: Invocation, flags: LogFlags): Promise<void> {
  const { initSystem, stdout, options } = invocation;
  const write = (line: string): void => {
    stdout.write(`${options.json ? line : formatLogLine(line)}\n`);
  };
  const isUnit = initSystem?.kind === "systemd" && (await initSystem.state()).type !== "not_installed";
  if (isUnit) return ofJournal(invocation, flags, write);
  const path = platformPaths().log;
  if (!existsSync(path)) {
    throw new AgentError("not_running", `There is no log at ${path}: no agent was started in the background yet.`);
  }
  try {
    await ofFile(path, flags, write, invocation);
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw dataUnusable(`The log ${path} cannot be read`, cause);
  }
}

/** journalctl(1); `cat` leaves the agent's own line. */
async function ofJournal({ env, signal }: Invocation, flags: LogFlags, write: (line: string) => void): Promise<void> {
  const args = ["--user", "--unit", SYSTEMD_UNIT, "--output", "cat", "--no-pager", "--lines", String(flags.lines)];
  const child = spawn("journalctl", flags.follow ? [...args, "--follow"] : args, {
    env,
    signal,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = new LineSplitter(write);
  child.stdout.on("data", (bytes: Buffer) => lines.push(bytes));
  try {
    const [code] = await once(child, "close");
    lines.end();
    if (code !== 0) throw new AgentError("service_failed", `journalctl ended with exit code ${code}.`);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function ofFile(
  path: string,
  { lines: count, follow }: LogFlags,
  write: (line: string) => void,
  { clock, signal }: Invocation,
): Promise<void> {
  let at = statSync(path).size;
  const kept: string[] = [];
  const tail = new LineSplitter((line) => kept.push(line));
  tail.push(readRange(path, Math.max(0, at - TAIL_BYTES), at));
  tail.end();
  for (const line of count === 0 ? [] : kept.slice(-count)) write(line);
  const growing = new LineSplitter(write);
  while (follow && !signal.aborted) {
    await sleep(clock, POLL_MS, signal);
    const size = existsSync(path) ? statSync(path).size : at;
    // A shorter file is a new one.
    if (size < at) at = 0;
    growing.push(readRange(path, at, size));
    at = size;
  }
}

function readRange(path: string, from: number, until: number): Buffer {
  if (until <= from) return Buffer.alloc(0);
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(until - from);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}

/** Cuts bytes into lines, however they come. */
class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #write: (line: string) => void;
  #rest = "";

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  push(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#write(line);
  }

  end(): void {
    if (this.#rest !== "") this.#write(this.#rest);
    this.#rest = "";
  }
}
