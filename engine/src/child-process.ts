import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { EngineError } from "./engine-error.js";
import { type ChildMessage, childMessageSchema, type ParentMessage } from "./messages.js";

/** Lines of raw output that are kept until the child is ready, to say why it did not become so. */
const KEPT_LINES = 20;

/** How a process ended. `error` is there if it never began. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

export type StartAnswer = ChildMessage & { readonly type: "ready" | "failed" };

/** The child's process and the messages to and from it. */
export class EngineProcess {
  /** Resolves when the process is gone and its last message has been read. */
  readonly ended: Promise<ProcessEnd>;
  /** The child's one answer to the start message. */
  readonly answered: Promise<StartAnswer>;
  readonly #process: ChildProcess;
  #lines: string[] | undefined = [];

  /** @throws {EngineError} `not_built` */
  constructor(log: (line: string) => void) {
    this.#process = fork(childProgram(import.meta.url), [], {
      execArgv: [],
      env: childEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.ended = endOf(this.#process);
    this.answered = new Promise((resolve) => {
      this.#process.on("message", (raw) => {
        const message = childMessageSchema.parse(raw);
        if (message.type === "log") log(message.line);
        else resolve(message);
      });
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (output !== null) createInterface({ input: output }).on("line", (line) => this.#keep(line));
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Tells the child; if it is gone, `ended` says so. */
  send(message: ParentMessage): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** The last lines of output. */
  get output(): string {
    return (this.#lines ?? []).join("\n");
  }

  /** From here on requests come in, and raw output, in which a library might quote one, is thrown away. */
  forgetOutput(): void {
    this.#lines = undefined;
  }

  #keep(line: string): void {
    if (this.#lines === undefined) return;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }
}

/** The end may be seen before the last message is: only the channel's own end says that all have been read. */
async function endOf(child: ChildProcess): Promise<ProcessEnd> {
  const disconnected = new Promise((resolve) => child.once("disconnect", resolve));
  const end = await new Promise<ProcessEnd>((resolve) => {
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    child.once("error", (error) => resolve({ exitCode: null, signal: null, error }));
  });
  if (end.error === undefined) await disconnected;
  return end;
}

/**
 * The child's built program, seen from a module in `src` or `dist`: plain Node cannot run its TypeScript.
 * @throws {EngineError} `not_built`
 */
export function childProgram(moduleUrl: string): string {
  const program = fileURLToPath(new URL("../dist/child.js", moduleUrl));
  if (existsSync(program)) return program;
  throw new EngineError("not_built", `${program} is missing: run the build first (\`npm run build\` at the root).`);
}

/** The parent's environment without its secrets, none of which the child needs. */
function childEnvironment(parent: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(parent).filter(([name]) => !name.startsWith("HEARTH_")));
}
