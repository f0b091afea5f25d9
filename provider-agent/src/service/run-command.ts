import { execFile } from "node:child_process";

/** How a program ended, and what it said. */
export interface CommandResult {
  /** `undefined` = it could not be started, or took too long. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the system to its end. Never rejects. */
export type RunCommand = (program: string, args: readonly string[]) => Promise<CommandResult>;

/** Programs of the init system answer sooner, ms; a service that stops may take its time. */
const TIMEOUT_MS = 60_000;

/** @param env for the program */
export function commandRunner(env: Readonly<Record<string, string | undefined>>): RunCommand {
  return (program, args) =>
    new Promise((resolve) => {
      const options = { encoding: "utf8", timeout: TIMEOUT_MS, maxBuffer: 1 << 20, env } as const;
      execFile(program, [...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
        resolve({ code, stdout, stderr: stderr || (code === undefined ? (error?.message ?? "") : "") });
      });
    });
}
