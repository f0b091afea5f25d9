import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { eventually } from "./eventually.js";

/** How long a process may take to end after SIGTERM before it is made to, ms. */
const STOP_MS = 30_000;

/** What to run. */
export interface Program {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment but for PATH: nothing of the developer's own reaches the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The file that stdout goes to, as with `>>`; absent = a pipe that is read. */
  readonly stdoutPath?: string;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A line of a JSON log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly time: string };

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A program of Hearth's, or one that it works with, in a process of its own. */
export class SpawnedProcess implements AsyncDisposable {
  readonly exited: Promise<Exit>;
  readonly #program: Program;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #exit: Exit | undefined;

  constructor(program: Program) {
    this.#program = program;
    const stdout = program.stdoutPath === undefined ? "pipe" : openSync(program.stdoutPath, "a");
    this.#child = spawn(program.file, program.args, {
      stdio: ["ignore", stdout, "pipe"],
      env: { PATH: process.env["PATH"], ...program.env },
    });
    if (typeof stdout === "number") closeSync(stdout);
    running.add(this.#child);
    this.#child.stdout?.on("data", (text: Buffer) => {
      this.#stdout += text;
    });
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#stderr += text;
    });
    this.exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#stderr += error.message;
        resolve({ code: null, signal: null });
      });
      // After `close`, not `exit`: by then everything it has printed is here.
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
    });
    void this.exited.then((exit) => {
      running.delete(this.#child);
      this.#exit = exit;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    const { stdoutPath } = this.#program;
    return stdoutPath === undefined ? this.#stdout : readFileSync(stdoutPath, "utf8");
  }

  /** Goes away as the reader of its stdout. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  get stderr(): string {
    return this.#stderr;
  }

  get alive(): boolean {
    return this.#exit === undefined;
  }

  /** What it has logged with this message so far. */
  logged(msg: string): LogLine[] {
    const { stdout } = this;
    const complete = stdout.slice(0, stdout.lastIndexOf("\n") + 1).split("\n");
    const lines = complete.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine);
    return lines.filter((line) => line.msg === msg);
  }

  /** Polls until something holds; fails at once when the process ends first. */
  async until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs?: number): Promise<number> {
    return await eventually(
      `${this.#program.name}: ${what}`,
      async () => {
        if (this.alive) return await holds();
        throw new Error(`${this.#program.name} ended before: ${what}\n${this.#stdout}${this.#stderr}`);
      },
      deadlineMs,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it without a word, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Asks it to end, and makes it when it does not. */
  async stop(): Promise<Exit> {
    if (this.alive) this.signal("SIGTERM");
    const force = setTimeout(() => this.signal("SIGKILL"), STOP_MS);
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.alive && this.#child.pid !== undefined) {
      const closed = once(this.#child, "close");
      this.signal("SIGKILL");
      await closed;
    }
  }
}
