import type { Command } from "commander";
import type { ExitCode } from "./exit.js";

/** What every command works with; `main.ts` makes it. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Says on stdout what was asked for, and nothing else. */
  print(line: string): void;
  /** Says on stderr what people want to know beside it. */
  say(line: string): void;
  /** How the process ends when it has said everything. */
  exitWith(code: ExitCode): void;
}

/** Adds a command, with its arguments, options and words of help, below `admin`. */
export type AddCommand = (admin: Command, context: CliContext) => void;
