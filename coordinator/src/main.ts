#!/usr/bin/env node

import { writeSync } from "node:fs";
import { DiskError, type LogFile, requireUsableDirectory } from "@hearth/disk";
import { systemRng } from "@hearth/platform";
import { type Coordinator, startCoordinator } from "./app.js";
import { auditLedger } from "./cli/audit.js";
import { ConfigError, readConfig } from "./config.js";
import { changedNames, NO_SETTINGS, readSettings, type SettingsFile } from "./operator/settings.js";
import { systemClock } from "./platform/clock.js";
import { type Logger, openLog } from "./platform/logger.js";
import { loadNodeName, loadSealingSecret, loadSecrets } from "./secrets.js";
import { openStore, openStoreToRead } from "./store/open/open-store.js";
import { StoreError } from "./store/store-error.js";

/** Exit codes beside 0 (stopped); docs/configuration.md tells what each means. */
const EXIT = { failed: 1, config: 2, address: 3, disk: 4, damaged: 5, away: 6, mismatch: 7 } as const;

const STDOUT = 1;
const STDERR = 2;

/** No interface of this machine has it, its name means nothing, or nobody could be asked what it means. */
const NO_SUCH_ADDRESS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN"]);

const USAGE = `Usage: hearth-coordinator
       hearth-coordinator admin audit    re-adds the whole ledger, and exits with 7 where it does not add up

It takes no options: its settings are variables of the environment, like HEARTH_HOST, HEARTH_PORT and
HEARTH_DATA_DIR, and a file that HEARTH_CONFIG names. docs/configuration.md has them all.`;

/** Says something to the operator, where he can be reached: a full disk may be under stderr as well. */
function say(message: string): void {
  try {
    writeSync(STDERR, `${message}\n`);
  } catch {
    // Then only the exit code tells.
  }
}

function fail(message: string, code: number): never {
  say(message);
  process.exit(code);
}

function explain(error: unknown): never {
  if (error instanceof ConfigError) fail(error.message, EXIT.config);
  if (error instanceof DiskError) fail(`${error.message} See HEARTH_DATA_DIR.`, EXIT.disk);
  if (error instanceof StoreError) fail(error.message, exitCodeOf(error));
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") fail("The port is in use. Set HEARTH_PORT to another one.", EXIT.address);
  if (code === "EACCES") fail("This port needs rights that you lack: see HEARTH_PORT.", EXIT.address);
  if (code !== undefined && NO_SUCH_ADDRESS.has(code))
    fail("This machine has no such address: see HEARTH_HOST.", EXIT.address);
  fail(error instanceof Error ? (error.stack ?? error.message) : String(error), EXIT.failed);
}

function exitCodeOf({ code }: StoreError): number {
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

/** An option that went unheard would leave its owner with a setting that he believes he has changed. */
function takeNoOptions(words: readonly string[]): void {
  if (words.length === 0) return;
  if (words.every((word) => word === "--help" || word === "-h")) {
    writeSync(STDOUT, `${USAGE}\n`);
    process.exit(0);
  }
  fail(USAGE, EXIT.config);
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words.join(" ") === "admin audit") return runAudit();
  takeNoOptions(words);
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

async function runAudit(): Promise<never> {
  const { store: settings, dataDir } = readConfig(process.env);
  const store = await openStoreToRead({ settings, dataDir, clock: systemClock, rng: systemRng });
  const { report, isRight } = await auditLedger(store.ledger);
  await store.close();
  writeSync(STDOUT, `${report}\n`);
  process.exit(isRight ? 0 : EXIT.mismatch);
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

main().catch(explain);
