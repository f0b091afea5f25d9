import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const TAIL_LINES = 15;
/** How the coordinator shows a secret that it has just made. The terminal gets it from `npm start`; a log must not. */
const GENERATED_SECRET = /^Generated HEARTH_/;

/**
 * A program's log of this run. The program itself writes its standard output to it; its standard error passes here.
 * @param {string} name
 * @param {string} logDir
 */
export function openProgramLog(name, logDir) {
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  const path = join(logDir, `${name}.log`);
  // Emptied first and then appended to, because there are two writers.
  closeSync(openSync(path, "w", 0o600));
  const descriptor = openSync(path, "a");
  return {
    stdio: ["ignore", descriptor, "pipe", "ipc"],
    /** @param {import("node:child_process").ChildProcess} child */
    follow: (child) => {
      closeSync(descriptor);
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (!GENERATED_SECRET.test(line)) appendFileSync(path, `${line}\n`);
      });
    },
    tail: () => {
      const lines = readFileSync(path, "utf8").trimEnd().split("\n");
      return `The end of ${path}:\n${lines.slice(-TAIL_LINES).join("\n")}`;
    },
  };
}

/** The same for logs that are shown on this terminal. */
export const TERMINAL_LOG = {
  stdio: ["ignore", 2, 2, "ipc"],
  follow: () => undefined,
  tail: () => "See its log above.",
};
