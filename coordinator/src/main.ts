#!/usr/bin/env node

import { writeSync } from "node:fs";
import { type LogFile, requireUsableDirectory } from "@hearth/disk";
import { systemRng } from "@hearth/platform";
import { CommanderError } from "commander";
import { type Coordinator, startCoordinator } from "./app.js";
import type { CliContext } from "./cli/context.js";
import { EXIT, exitOf } from "./cli/exit.js";
import { createProgram } from "./cli/program.js";
import { ConfigError, readConfig } from "./config.js";
import { changedNames, NO_SETTINGS, readSettings, type SettingsFile } from "./operator/settings.js";
import { systemClock } from "./platform/clock.js";
import { type Logger, openLog } from "./platform/logger.js";
import { loadNodeName, loadSealingSecret, loadSecrets } from "./secrets.js";
import { openStore } from "./store/open/open-store.js";

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
    // Who reads it has seen enough, as `head` does.
    process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : EXIT.disk));
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

/** Runs the coordinator until it is told to stop. */
async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const file = config.settingsFile === undefined ? undefined : readSettings(config.settingsFile);
  requireUsableDirectory(config.dataDir, "The data directory");
  const secrets = loadSecrets(config);
  // They are stored by now: whatever happens next, their owner has seen them.
  for (const [variable, value] of secrets.generated) {
    say(`Generated ${variable} (stored in ${config.dataDir}, shown only now): ${value}`);
  }
  const store = await openStore({
    settings: config.store,
    dataDir: config.dataDir,
    clock: systemClock,
    rng: systemRng,
  });
  const { log, file: logFile } = openLog(config.logLevel, systemClock);
  process.on("exit", () => logFile.flushAtExit());
  const stopped = stopSignal();
  const coordinator = await startCoordinator({
    config,
    secrets,
    settings: file?.settings ?? NO_SETTINGS,
    store,
    sealingSecret: loadSealingSecret(config.dataDir),
    node: loadNodeName(config.dataDir),
    journalDir: config.dataDir,
    log,
    logFile,
  });
  if (config.settingsFile !== undefined && file !== undefined)
    rereadOnHangUp(config.settingsFile, file, coordinator, log);
  await stopped;
  const unwritten = await coordinator.stop();
  await sayFarewell(logFile, unwritten);
  process.exit(0);
}

/**
 * The configuration file is read again whenever somebody asks for that by SIGHUP. One that is not valid changes nothing.
 */
function rereadOnHangUp(path: string, first: SettingsFile, coordinator: Coordinator, log: Logger): void {
  let current = first;
  process.on("SIGHUP", () => {
    try {
      const next = readSettings(path);
      const changed = changedNames(current, next);
      coordinator.configure(next.settings);
      current = next;
      log.info({ changed }, "configuration file read again");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      log.error({ problems: error.problems }, "configuration file not valid, nothing changed");
    }
  });
}

/** What could not be written is no failure of the stop's, but somebody should know. */
async function sayFarewell(file: LogFile, unwritten: readonly string[]): Promise<void> {
  for (const what of unwritten) say(`Stopped, and could not write: ${what}.`);
  const { unwritten: lines, problem } = await file.close();
  if (lines > 0) say(`Stopped, and could not write: ${lines} lines of the log (${problem}).`);
}

/** Resolves at the first SIGTERM or SIGINT; a second one means now. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(EXIT.failed);
      asked = true;
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

function explain(error: unknown): void {
  // Commander has printed help, which was asked for (0) or which a command without its second word has got.
  if (error instanceof CommanderError) return context.exitWith(error.exitCode === 0 ? 0 : EXIT.config);
  const { message, code } = exitOf(error);
  say(message);
  // The coordinator has doors open that would keep the process.
  process.exit(code);
}

createProgram(context, serve).parseAsync().catch(explain);
