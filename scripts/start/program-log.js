import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SetUpError } from "../setup/set-up-error.js";

const TAIL_LINES = 15;
/** How the coordinator shows a secret that it has just made. The terminal gets it from `npm start`; a log must not. */
const GENERATED_SECRET = /^Generated HEARTH_/;

/**
 * A program's log of this run. The program itself writes its standard output to it; its standard error passes here.
 * @param {string} name
 * @param {string} logDir
 */
export function openProgramLog(name, logDir) {
  const path = join(logDir, `${name}.log`);
  const descriptor = openEmpty(path, logDir);
  /** What was said last and did not fit on the disk. */
  const unwritten = [];
  return {
    stdio: ["ignore", descriptor, "pipe", "ipc"],
    /** @param {import("node:child_process").ChildProcess} child */
    follow: (child) => {
      closeSync(descriptor);
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (GENERATED_SECRET.test(line)) return;
        try {
          appendFileSync(path, `${line}\n`);
        } catch {
          // A full disk: the program goes on, and its last words are told all the same.
          unwritten.push(line);
          if (unwritten.length > TAIL_LINES) unwritten.shift();
        }
      });
    },
    tail: () => {
      const written = readFileSync(path, "utf8").trimEnd();
      const lines = [...(written === "" ? [] : written.split("\n")), ...unwritten];
      return `The end of ${path}:\n${lines.slice(-TAIL_LINES).join("\n")}`;
    },
  };
}

/** Emptied first and then appended to, because there are two writers. */
function openEmpty(path, logDir) {
  try {
    mkdirSync(logDir, { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "w", 0o600));
    return openSync(path, "a");
  } catch (error) {
    throw new SetUpError(
      `${path} cannot be written (${error.code}): free some space, mend the rights of ${logDir}, or set HEARTH_DATA_DIR to another directory.`,
    );
  }
}

/** The same for logs that are shown on this terminal. */
export const TERMINAL_LOG = {
  stdio: ["ignore", 2, 2, "ipc"],
  follow: () => undefined,
  tail: () => "See its log above.",
};
