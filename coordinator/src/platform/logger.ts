import { LogFile, stdoutDescriptor } from "@hearth/disk";
import type { Clock } from "@hearth/platform";
import { type Logger as PinoLogger, pino } from "pino";
import { systemClock } from "./clock.js";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** The log of a program, and whether its lines can be written. */
export interface ProgramLog {
  readonly log: Logger;
  readonly file: LogFile;
}

/** pino's number for `warn`. */
const WARN = 40;

/** Logs JSON lines to stdout. If stdout cannot be written, the program goes on without a log; see `LogFile`. */
export function openLog(level: LogLevel, clock: Clock): ProgramLog {
  const file = new LogFile({
    fd: stdoutDescriptor(),
    timers: clock,
    gapLine: (lost, problem) => {
      const time = new Date(clock.wallTime()).toISOString();
      return `${JSON.stringify({ level: WARN, time, lost, problem, msg: "log lines lost" })}\n`;
    },
  });
  return { log: pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, file), file };
}

/** Only the logger of `openLog`. */
export function createLogger(level: LogLevel): Logger {
  return openLog(level, systemClock).log;
}
