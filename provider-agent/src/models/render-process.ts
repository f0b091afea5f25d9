import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RenderFinding } from "./render-child.js";
import type { RenderTask } from "./render-template.js";

/** How rendering ended. */
export type RenderEnd =
  | "finished"
  /** Time or memory ran out, or the check was cancelled. */
  | "cut_short"
  /** The program is not built, or the process could not be started. */
  | "not_started";

/** MiB; templates in common use need a tenth of it. */
const HEAP_MIB = 64;

/**
 * Renders in a process of its own, that ends with the signal. A thread would not do: when V8 runs out of memory while it
 * grows an array, it aborts the process and not the thread (seen with Node 20.20 and `range(10**9)`). Never rejects.
 */
export async function renderInProcess(
  tasks: readonly RenderTask[],
  note: (finding: RenderFinding) => void,
  signal: AbortSignal,
): Promise<RenderEnd> {
  const program = renderProgram();
  if (program === undefined) return "not_started";
  if (signal.aborted) return "cut_short";
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MIB}`, program], {
    // It needs nothing of the environment, where secrets are.
    env: {},
    stdio: ["pipe", "pipe", "ignore"],
  });
  const stop = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  const closed = new Promise<RenderEnd>((resolve) => {
    child.once("error", () => resolve("not_started"));
    child.once("close", (code) => resolve(code === 0 ? "finished" : "cut_short"));
  });
  // A process that ends early does not read on.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(tasks));
  lowerPriority(child.pid);
  const lines = createInterface({ input: child.stdout });
  const read = once(lines, "close");
  lines.on("line", (line) => {
    const finding = readFinding(line);
    if (finding !== undefined) note(finding);
  });
  try {
    const end = await closed;
    // What was written before the end is still to be read; without a process there is nothing.
    if (end !== "not_started") await read;
    return end;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The last line may be cut off. */
function readFinding(line: string): RenderFinding | undefined {
  try {
    return JSON.parse(line) as RenderFinding;
  } catch {
    return undefined;
  }
}

/** The built program, seen from a module in `src` or `dist`: plain Node cannot run its TypeScript. */
function renderProgram(): string | undefined {
  const program = fileURLToPath(new URL("../../dist/models/render-child.js", import.meta.url));
  return existsSync(program) ? program : undefined;
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system does not let us.
  }
}
