import { execFile } from "node:child_process";

/** How a program of the system ended. */
export type ToolResult =
  | { readonly type: "ok"; readonly stdout: string }
  /** The program is not on this machine: there is no use in asking again. */
  | { readonly type: "missing" }
  /** It failed, took too long or said too much. */
  | { readonly type: "failed" };

/** Runs a program of the system to its end, without a shell. Never rejects; aborting the signal kills the program. */
export type RunTool = (program: string, args: readonly string[], signal: AbortSignal) => Promise<ToolResult>;

/** What is asked here is answered within a second; PowerShell alone takes that long to start. */
const TIMEOUT_MS = 8_000;
/** The longest answer is `ioreg`'s, some tens of KiB. */
const MAX_OUTPUT_BYTES = 512 * 1024;

export const runTool: RunTool = (program, args, signal) =>
  new Promise((resolve) => {
    const options = {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      killSignal: "SIGKILL",
      windowsHide: true,
      signal,
    } as const;
    const child = execFile(program, [...args], options, (error, stdout) => {
      if (error === null) return resolve({ type: "ok", stdout });
      resolve({ type: error.code === "ENOENT" ? "missing" : "failed" });
    });
    child.stdin?.end();
  });

/** What the program printed, or `undefined` when it did not end well. */
export function stdoutOf(result: ToolResult): string | undefined {
  return result.type === "ok" ? result.stdout : undefined;
}

/**
 * A program that is asked the same again and again; where it is missing, once.
 *
 * @returns what asks it: for what it printed, or `undefined` when it did not end well
 */
export function toolAsked(
  run: RunTool,
  program: string,
  args: readonly string[],
): (signal: AbortSignal) => Promise<string | undefined> {
  let isMissing = false;
  return async (signal) => {
    if (isMissing) return undefined;
    const result = await run(program, args, signal);
    isMissing = result.type === "missing";
    return stdoutOf(result);
  };
}
