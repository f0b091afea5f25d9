import { createRequire } from "node:module";
import { isatty } from "node:tty";
import { LogFile, stdoutDescriptor } from "@hearth/disk";
import type { Clock } from "@hearth/platform";
import { type Logger as PinoLogger, pino } from "pino";
import { systemClock } from "./clock.js";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The log of a program, and whether its lines can be written. */
export interface ProgramLog {
  readonly log: Logger;
  readonly file: LogFile;
}

/** pino's number for `warn`. */
const WARN = 40;

/**
 * Logs to stdout: JSON lines, and in a terminal lines for people. If stdout cannot be written, the program goes on without
 * a log; see `LogFile`.
 */
export function openLog(level: LogLevel, clock: Clock, isTerminal: boolean = isatty(stdoutDescriptor())): ProgramLog {
  const file = new LogFile({
    fd: stdoutDescriptor(),
    timers: clock,
    gapLine: (lost, problem) => {
      const time = new Date(clock.wallTime()).toISOString();
      return `${JSON.stringify({ level: WARN, time, lost, problem, msg: "log lines lost" })}\n`;
    },
  });
  const destination = isTerminal ? forPeople(file) : file;
  return { log: pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination), file };
}

/** Turns lines of JSON into lines for people. The library is loaded only where somebody looks: servers have no terminal. */
export function forPeople(file: Pick<LogFile, "write">): Pick<LogFile, "write"> {
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  const pretty = prettyFactory({ colorize: true, translateTime: "SYS:HH:MM:ss.l", singleLine: true });
  return { write: (line) => file.write(pretty(line)) };
}

/** Only the logger of `openLog`. */
export function createLogger(level: LogLevel): Logger {
  return openLog(level, systemClock).log;
}
