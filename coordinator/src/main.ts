#!/usr/bin/env node

import { writeSync } from "node:fs";
import type { CliContext } from "./cli/context.js";
import { EXIT, exitOf } from "./cli/exit.js";
import { createProgram } from "./cli/program.js";

const STDERR = 2;

/** Says something to the operator, where he can be reached: a full disk may be under stderr as well. */
function say(message: string): void {
  try {
    writeSync(STDERR, `${message}\n`);
  } catch {
    // Then only the exit code tells.
  }
}

/** Of commands alone: what the coordinator says on stdout is its log, which has a way of its own. */
function print(line: string): void {
  if (process.stdout.listenerCount("error") === 0) {
    process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
      // Who reads it has seen enough, as `head` does: what is under way is done all the same, and the exit code tells how.
      if (code !== "EPIPE") process.exit(EXIT.disk);
    });
  }
  process.stdout.write(`${line}\n`);
}

const context: CliContext = {
  env: process.env,
  print,
  say,
  exitWith(code) {
    process.exitCode = code;
  },
};

function explain(error: unknown): void {
  const { message, code } = exitOf(error);
  if (message === undefined) return context.exitWith(code);
  say(message);
  // The coordinator has doors open that would keep the process.
  process.exit(code);
}

/** The coordinator is a large program: commands do not wait for it. */
const serve = async (): Promise<void> => (await import("./serve.js")).serve(context);

createProgram(context, serve).parseAsync().catch(explain);
