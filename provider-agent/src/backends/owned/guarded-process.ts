import { type ChildProcess, spawn } from "node:child_process";
import { constants, setPriority } from "node:os";

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that does not outlive this one. */
export interface GuardedProcess {
  readonly pid: number | undefined;
  readonly exited: Promise<ProcessExit>;
  /** Kills it and all that it started. */
  kill(): void;
}

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** A variable of its environment that nobody else gets to see. */
  readonly secret: { readonly name: string; readonly value: string };
  /** Each line that it writes to stderr, cut to `MAX_LINE` characters. */
  readonly onLine: (line: string) => void;
}

/** Longest line that is passed on, characters. */
export const MAX_LINE = 400;

/**
 * Forgets the agent's own variables, among them its token: the command is not our program. Reads the secret from
 * stdin, leaves a watcher behind and becomes the command. The watcher waits for the end of stdin,
 * which comes when this process closes it or ends in whatever way, and then kills the group that it shares with the
 * command: a number that can mean nobody else while the watcher itself is in it.
 */
const SCRIPT = `unset $(env | sed -n 's/^\\(HEARTH_[A-Za-z0-9_]*\\)=.*/\\1/p') HEARTH
IFS= read -r "$1" || exit 125
export "$1"
shift
exec 3<&0 </dev/null
(while IFS= read -r _ <&3; do :; done; kill -KILL 0) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`;

/** Starts a command with low priority in a group of its own, so that signals of a terminal do not reach it. */
export function startGuarded(options: GuardedCommand): GuardedProcess {
  return process.platform === "win32" ? startUnguarded(options) : startInGroup(options);
}

/** What is run to run the command guarded: it wants the secret as the first line of a pipe on stdin. */
export function guardedCommand(options: Pick<GuardedCommand, "command" | "args" | "secret">): {
  readonly file: string;
  readonly args: string[];
} {
  const { command, args, secret } = options;
  return { file: "/bin/sh", args: ["-c", SCRIPT, "sh", secret.name, command, ...args] };
}

function startInGroup(options: GuardedCommand): GuardedProcess {
  const { secret, onLine } = options;
  const { file, args } = guardedCommand(options);
  const child = spawn(file, args, { stdio: ["pipe", "ignore", "pipe"], detached: true });
  // Before it gets its secret it does nothing, so that all that it becomes and starts has the same priority.
  lower(child.pid);
  child.stdin.on("error", () => {});
  child.stdin.write(`${secret.value}\n`);
  readLines(child, onLine);
  const exited = exitOf(child);
  // Ends the watcher, and what the command may have left running.
  void exited.then(() => child.stdin.destroy());
  return { pid: child.pid, exited, kill: () => killGroup(child) };
}

/** Windows has neither groups nor a shell that watches: there, a process may outlive an agent that is killed hard. */
function startUnguarded({ command, args, secret, onLine }: GuardedCommand): GuardedProcess {
  const key = secret.name === "LLAMA_API_KEY" ? ["--api-key", secret.value] : [];
  const child = spawn(command, [...args, ...key], { stdio: ["ignore", "ignore", "pipe"], windowsHide: true });
  lower(child.pid);
  readLines(child, onLine);
  return { pid: child.pid, exited: exitOf(child), kill: () => void child.kill("SIGKILL") };
}

function lower(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: 127, signal: null }));
  });
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    // Of a line that does not end, the beginning is enough.
    rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) onLine(line.slice(0, MAX_LINE));
  });
}
