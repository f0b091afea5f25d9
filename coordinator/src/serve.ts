import { type LogFile, requireUsableDirectory } from "@hearth/disk";
import { systemRng } from "@hearth/platform";
import { type Coordinator, startCoordinator } from "./app.js";
import type { CliContext } from "./cli/context.js";
import { EXIT } from "./cli/exit.js";
import { readConfig, shownConfig, shownEnvironment } from "./config.js";
import { SettingsSource } from "./operator/settings-source.js";
import { systemClock } from "./platform/clock.js";
import { openLog } from "./platform/logger.js";
import { VERSION } from "./platform/version.js";
import { loadNodeName, loadSealingSecret, loadSecrets } from "./secrets.js";
import { openStore } from "./store/open/open-store.js";

/** Runs the coordinator until it is told to stop. */
export async function serve({ env, say }: Pick<CliContext, "env" | "say">): Promise<never> {
  const config = readConfig(env);
  const settings = SettingsSource.open(config);
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
  log.info({ version: VERSION, node: process.version, config: shownConfig(config) }, "starting");
  const startedAt = systemClock.now();
  let running: Coordinator | undefined;
  const stopped = stopSignal(() => running?.hurry());
  const coordinator = await startCoordinator({
    config,
    secrets,
    settings,
    environment: shownEnvironment(env),
    store,
    sealingSecret: loadSealingSecret(config.dataDir),
    node: loadNodeName(config.dataDir),
    journalDir: config.dataDir,
    log,
    logFile,
  });
  rereadOnHangUp(settings, coordinator);
  running = coordinator;
  const reason = await stopped;
  log.info({ reason }, "stopping");
  const unwritten = await coordinator.stop();
  log.info({ reason, uptimeSeconds: Math.round((systemClock.now() - startedAt) / 1_000) }, "stopped");
  await sayFarewell(say, logFile, unwritten);
  process.exit(0);
}

/**
 * The settings are read again whenever somebody asks for that by SIGHUP. Where there is no file to read it ends the
 * process, as it does where nobody listens.
 */
function rereadOnHangUp(settings: SettingsSource, coordinator: Coordinator): void {
  const reread = (): void => {
    if (settings.hasFile) return coordinator.reread();
    process.off("SIGHUP", reread);
    process.kill(process.pid, "SIGHUP");
  };
  process.on("SIGHUP", reread);
}

/** What could not be written is no failure of the stop's, but somebody should know. */
async function sayFarewell(say: CliContext["say"], file: LogFile, unwritten: readonly string[]): Promise<void> {
  for (const what of unwritten) say(`Stopped, and could not write: ${what}.`);
  const { unwritten: lines, problem } = await file.close();
  if (lines > 0) say(`Stopped, and could not write: ${lines} lines of the log (${problem}).`);
}

/** Resolves at the first SIGTERM or SIGINT. A second one ends what runs, and settles it; a third means now. */
function stopSignal(hurry: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = 0;
    const stop = (signal: NodeJS.Signals): void => {
      asked += 1;
      if (asked > 2) process.exit(EXIT.failed);
      if (asked === 2) hurry();
      resolve(signal);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
