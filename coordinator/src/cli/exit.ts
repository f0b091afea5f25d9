import { DiskError } from "@hearth/disk";
import { CommanderError } from "commander";
import { ConfigError } from "../config.js";
import { StoreError } from "../store/store-error.js";

/** Exit codes beside 0 (done, or stopped); docs/configuration.md tells what each means. */
export const EXIT = { failed: 1, config: 2, address: 3, disk: 4, damaged: 5, away: 6, mismatch: 7 } as const;

export type ExitCode = 0 | (typeof EXIT)[keyof typeof EXIT];

/** A command that did not do what it was asked for, in words for whoever asked. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** No interface of this machine has it, its name means nothing, or nobody could be asked what it means. */
const NO_SUCH_ADDRESS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN"]);

/** What to tell of whatever ended the process, and with which code. Without a message all has been said. */
export function exitOf(error: unknown): { readonly message?: string; readonly code: ExitCode } {
  // Commander has printed help, which was asked for (0) or which a command without its second word has got.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : EXIT.config };
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode };
  if (error instanceof ConfigError) return { message: error.message, code: EXIT.config };
  if (error instanceof DiskError) return { message: `${error.message} See HEARTH_DATA_DIR.`, code: EXIT.disk };
  if (error instanceof StoreError) return { message: error.message, code: codeOf(error) };
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return { message: "The port is in use. Set HEARTH_PORT to another one.", code: EXIT.address };
  if (code === "EACCES")
    return { message: "This port needs rights that you lack: see HEARTH_PORT.", code: EXIT.address };
  if (code !== undefined && NO_SUCH_ADDRESS.has(code))
    return { message: "This machine has no such address: see HEARTH_HOST.", code: EXIT.address };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), code: EXIT.failed };
}

function codeOf({ code }: StoreError): ExitCode {
  switch (code) {
    case "corrupt":
      return EXIT.damaged;
    case "unusable":
      return EXIT.disk;
    case "in_use":
    case "schema_newer":
    case "schema_older":
    case "foreign":
    case "refused":
      return EXIT.config;
    case "away":
      return EXIT.away;
    case "busy":
    case "closed":
      return EXIT.failed;
  }
}
