import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Cores, Place } from "./cores.js";

/** How long a process may take to say that it is ready, and to end after SIGTERM, ms. */
const READY_MS = 20_000;
const STOP_MS = 5_000;

/** What to run. */
export interface Program {
  readonly name: string;
  readonly place: Place;
  /** Arguments of node, the script first. */
  readonly arguments: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A running process of the bench. */
export interface Process {
  readonly name: string;
  readonly pid: number;
  /** Resolves when a line of standard output matches; rejects when the process ends or is silent for 20 s. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Why it ended, or `undefined` while it runs. */
  ended(): string | undefined;
  /** Asks it to end, and makes it when it does not. */
  stop(): Promise<void>;
}

/** Starts processes on their cores and ends every one of them, however the bench itself ends. */
export class Processes {
  readonly #cores: Cores;
  readonly #stopMs: number;
  readonly #children = new Set<ChildProcess>();

  /** @param stopMs how long a process may take to end after SIGTERM */
  constructor(cores: Cores, stopMs: number = STOP_MS) {
    this.#cores = cores;
    this.#stopMs = stopMs;
    process.on("exit", () => this.#killAll());
  }

  start(program: Program): Process {
    const core = this.#cores?.[program.place];
    const [file, args] =
      core === undefined
        ? [process.execPath, program.arguments]
        : ["taskset", ["-c", String(core), process.execPath, ...program.arguments]];
    const child = spawn(file, args, {
      // taskset becomes node by exec: the process id and the signals are node's.
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...program.env },
      ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    });
    this.#children.add(child);
    let problem = "";
    let end: string | undefined;
    child.on("error", (error) => {
      end = error.message;
    });
    child.once("exit", (code, signal) => {
      this.#children.delete(child);
      end = `${program.name} ended with ${signal ?? code}${problem === "" ? "" : `:\n${problem}`}`;
    });
    child.stderr.on("data", (text: Buffer) => {
      problem = `${problem}${text}`.slice(-4096);
    });
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (text) => {
      problem = `${problem}${text}\n`.slice(-4096);
    });
    return {
      name: program.name,
      pid: child.pid ?? 0,
      ended: () => end,
      line: (pattern) =>
        lineOf({ child, lines, pattern, ended: () => end ?? `${program.name} is silent:\n${problem}` }),
      stop: () => stop(child, this.#stopMs),
    };
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#children].map((child) => stop(child, this.#stopMs)));
  }

  #killAll(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

interface Waiting {
  readonly child: ChildProcess;
  readonly lines: ReturnType<typeof createInterface>;
  readonly pattern: RegExp;
  readonly ended: () => string;
}

function lineOf(waiting: Waiting): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const finish = (match?: RegExpExecArray): void => {
      clearTimeout(timer);
      waiting.lines.off("line", look);
      if (match === undefined) reject(new Error(waiting.ended()));
      else resolve(match);
    };
    const look = (text: string): void => {
      const match = waiting.pattern.exec(text);
      if (match !== null) finish(match);
    };
    const timer = setTimeout(finish, READY_MS);
    waiting.lines.on("line", look);
    waiting.child.once("close", () => finish());
    waiting.child.once("error", () => finish());
  });
}

async function stop(child: ChildProcess, stopMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await exited;
  clearTimeout(force);
}
