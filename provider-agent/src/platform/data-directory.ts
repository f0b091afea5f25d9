import { DiskError, describeDiskFault, requireUsableDirectory } from "@hearth/disk";
import { AgentError } from "./agent-error.js";

/**
 * Makes the data directory where there is none, and tries whether files can be kept there.
 *
 * @throws AgentError `data_unusable`, in one sentence
 */
export function requireDataDirectory(dataDir: string): void {
  requireDirectory(dataDir, "The data directory");
}

/** The same for another directory. @param what names it, as the beginning of a sentence */
export function requireDirectory(path: string, what: string): void {
  try {
    requireUsableDirectory(path, what);
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    throw new AgentError("data_unusable", cause.message, { cause });
  }
}

/** What to throw when a file cannot be kept. @param what names it and says what does not work, as `X cannot be written` */
export function dataUnusable(what: string, cause: unknown): AgentError {
  return new AgentError("data_unusable", `${what}: ${describeDiskFault(cause)}.`, { cause });
}
