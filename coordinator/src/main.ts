#!/usr/bin/env node
import { startCoordinator } from "./app.js";
import { ConfigError, readConfig } from "./config.js";
import { createLogger } from "./platform/logger.js";
import { loadSealingSecret } from "./sealing/sealing-secret.js";
import { loadSecrets } from "./secrets.js";
import { NO_SETTINGS, readSettings } from "./settings.js";
import { openSqliteStore } from "./store/sqlite/open-sqlite-store.js";
import { StoreError } from "./store/store-error.js";

/** Exit codes: 0 stopped, 1 failed, 2 the configuration is wrong, 3 the address is taken or not ours. */
const EXIT = { failed: 1, config: 2, address: 3 } as const;

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function explain(error: unknown): never {
  if (error instanceof ConfigError) fail(error.message, EXIT.config);
  if (error instanceof StoreError) fail(error.message, EXIT.config);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") fail("The port is in use. Set HEARTH_PORT to another one.", EXIT.address);
  if (code === "EACCES")
    fail("This port or data directory needs rights that you lack: see HEARTH_PORT and HEARTH_DATA_DIR.", EXIT.address);
  if (code === "EADDRNOTAVAIL") fail("This machine has no such address: see HEARTH_HOST.", EXIT.address);
  fail(error instanceof Error ? (error.stack ?? error.message) : String(error), EXIT.failed);
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const settings = config.settingsFile === undefined ? NO_SETTINGS : readSettings(config.settingsFile);
  const secrets = loadSecrets(config);
  // They are stored by now: whatever happens next, their owner has seen them.
  for (const [variable, value] of secrets.generated) {
    process.stderr.write(`Generated ${variable} (stored in ${config.dataDir}, shown only now): ${value}\n`);
  }
  const store = openSqliteStore(config.dataDir);
  const stopped = stopSignal();
  const coordinator = await startCoordinator({
    config,
    secrets,
    settings,
    store,
    sealingSecret: loadSealingSecret(config.dataDir),
    log: createLogger(config.logLevel),
  });
  await stopped;
  await coordinator.stop();
  process.exit(0);
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
