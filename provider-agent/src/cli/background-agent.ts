import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, sleep } from "@hearth/platform";
import { readRunFile } from "../local/run-file.js";
import { AgentError } from "../platform/agent-error.js";
import { requireDataDirectory, requireDirectory } from "../platform/data-directory.js";
import { formatLogLine } from "../platform/logger.js";
import { lockHolder } from "../supervisor/agent-lock.js";

/** A log that has grown beyond this is put aside when the agent is started, bytes. */
const MAX_LOG_BYTES = 10 << 20;
const POLL_MS = 100;
/** A backend of its own may have a large model to load. */
const START_TIMEOUT_MS = 60_000;
/** The agent lets what runs end for 30 s. */
const STOP_TIMEOUT_MS = 45_000;

export interface BackgroundOptions {
  /** Node's options, the script, and its arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logPath: string;
  readonly dataDir: string;
  readonly name: string;
  /** Then it is known to run when its page is there, which comes after its backends; else when it is there at all. */
  readonly hasStatusPage: boolean;
  readonly clock: Clock;
}

/**
 * Starts a supervised agent that outlives this command, and waits until it runs.
 *
 * @returns its process id
 * @throws AgentError with the code with which it ended, and the end of its log
 */
export async function startInBackground(options: BackgroundOptions, signal: AbortSignal): Promise<number> {
  const { command, env, logPath, dataDir, name, clock } = options;
  const running = lockHolder(dataDir, name);
  if (running !== undefined) {
    throw new AgentError("already_running", `An agent named '${name}' is already running (process ${running.pid}).`);
  }
  requireDataDirectory(dataDir);
  const log = openLog(logPath);
  const startsAt = statSync(logPath).size;
  const child = spawn(process.execPath, [...command], { env, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  let exit: { readonly code: number | null } | undefined;
  child.once("error", () => (exit = { code: null }));
  child.once("exit", (code) => (exit = { code }));
  const deadline = clock.now() + START_TIMEOUT_MS;
  while (exit === undefined && !signal.aborted && clock.now() < deadline) {
    await sleep(clock, POLL_MS, signal);
    const pid = pidOf(options);
    if (pid !== undefined && exit === undefined) {
      child.unref();
      return pid;
    }
  }
  child.kill();
  throw notStarted(logPath, startsAt);
}

/**
 * Asks the agent to stop and waits until it has.
 *
 * @throws AgentError `not_running`; `service_failed` when it does not stop
 */
export async function stopRunning(dataDir: string, name: string, clock: Clock, signal: AbortSignal): Promise<number> {
  const holder = lockHolder(dataDir, name);
  if (holder === undefined) throw new AgentError("not_running", `No agent named '${name}' is running.`);
  process.kill(holder.pid, "SIGTERM");
  const deadline = clock.now() + STOP_TIMEOUT_MS;
  while (clock.now() < deadline && !signal.aborted) {
    if (lockHolder(dataDir, name)?.pid !== holder.pid) return holder.pid;
    await sleep(clock, POLL_MS, signal);
  }
  throw new AgentError("service_failed", `The agent (process ${holder.pid}) was asked to stop and still runs.`);
}

/** @param from where in its log the agent began, bytes; only the end is told */
export function notStarted(logPath: string, from = 0, cause?: unknown): AgentError {
  const message = `The agent did not start. Its log, ${logPath}, ends so:\n${tail(logPath, from)}`;
  return new AgentError("service_failed", message, { cause });
}

/** Of the agent, when it has come so far that it serves. */
function pidOf({ dataDir, name, hasStatusPage }: BackgroundOptions): number | undefined {
  const pid = lockHolder(dataDir, name)?.pid;
  return hasStatusPage && readRunFile(dataDir, name)?.pid !== pid ? undefined : pid;
}

/** Moves a log aside that has grown large. The agent that writes it must not run: it would go on writing to the moved file. */
export function putLogAside(path: string): void {
  if (existsSync(path) && statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
}

/** @throws AgentError `data_unusable`: an agent whose log cannot be written could not say why it ends */
function openLog(path: string): number {
  requireDirectory(dirname(path), "The directory of the log");
  putLogAside(path);
  return openSync(path, "a", 0o600);
}

function tail(path: string, from: number): string {
  const lines = readFileSync(path).subarray(from).toString("utf8").trimEnd().split("\n");
  return lines.slice(-10).map(formatLogLine).join("\n");
}
