import { systemClock } from "../platform/clock.js";
import { sayFinal } from "../platform/final-words.js";
import type { ProgramLog } from "../platform/logger.js";
import { Supervisor, type SupervisorLog } from "./supervisor.js";
import { launchWorker, onSupervisorLost } from "./worker-process.js";

const FLAG = "--supervise";

/** Whether a command line asks for an agent that is started again when it crashes. */
export function isSupervised(words: readonly string[]): boolean {
  return words.includes("serve") && words.includes(FLAG);
}

/**
 * Runs the same command line in a worker, without `--supervise`, until it is over; then this process ends with its exit
 * code. What is wrong with the command line, the configuration or the data directory the worker says.
 */
export async function supervise(): Promise<void> {
  const { argv, execArgv, env, stderr } = process;
  const [, script = "", ...words] = argv;
  const args = [...execArgv, script, ...words.filter((word) => word !== FLAG)];
  const isJson = words.includes("--json");
  const log = new LateLog(isJson);
  const supervisor = new Supervisor({ clock: systemClock, log, launch: () => launchWorker({ args, env }) });
  const stop = (): void => supervisor.stop();
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // The process that started this one may end.
  onSupervisorLost(stop);
  try {
    process.exitCode = await supervisor.run();
  } catch (error) {
    process.exitCode = sayFinal(error, stderr, isJson);
  }
  await log.close();
}

/** A log that is opened when there is something to say: a supervisor of an agent that does not crash has nothing. */
class LateLog implements SupervisorLog {
  readonly #isJson: boolean;
  #opened: Promise<ProgramLog> | undefined;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  warn(fields: object, phrase: string): void {
    void this.#open().then(({ log }) => log.warn(fields, phrase));
  }

  error(fields: object, phrase: string): void {
    void this.#open().then(({ log }) => log.error(fields, phrase));
  }

  async close(): Promise<void> {
    if (this.#opened === undefined) return;
    const { closeLog } = await import("../platform/logger.js");
    await closeLog(await this.#opened, process.stderr);
  }

  #open(): Promise<ProgramLog> {
    // People at a terminal read text, as they do of the worker; everything else reads JSON.
    const format = process.stdout.isTTY === true && !this.#isJson ? "text" : "json";
    this.#opened ??= import("../platform/logger.js").then(({ openLog }) => {
      const opened = openLog("warn", format, systemClock);
      process.on("exit", () => opened.file.flushAtExit());
      return opened;
    });
    return this.#opened;
  }
}
