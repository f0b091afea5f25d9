import { LogFile, stdoutDescriptor } from "@hearth/disk";
import type { Clock } from "@hearth/platform";
import { type Logger as PinoLogger, pino } from "pino";
import { systemClock } from "./clock.js";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** The log of a program, and what becomes of its lines. */
export interface ProgramLog {
  readonly log: Logger;
  readonly file: LogFile;
}

/** pino's number for `warn`. */
const WARN = 40;

/** JSON lines on stdout. Where stdout takes none, the program goes on without; see `LogFile`. */
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

/** The logger of `openLog` alone. */
export function createLogger(level: LogLevel): Logger {
  return openLog(level, systemClock).log;
}
