import { constants, fstatSync, openSync } from "node:fs";

const STDOUT = 1;

/**
 * A descriptor of standard output for a `LogFile`. A pipe is opened anew where the system allows it (Linux), without
 * blocking: a write that waits for a reader who reads nothing would keep the process from ever ending. Never throws.
 */
export function stdoutDescriptor(): number {
  opened ??= open();
  return opened;
}

/** One for the whole process, however many logs it opens. */
let opened: number | undefined;

function open(): number {
  try {
    if (process.platform !== "linux" || !fstatSync(STDOUT).isFIFO()) return STDOUT;
    return openSync(`/proc/self/fd/${STDOUT}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return STDOUT;
  }
}
