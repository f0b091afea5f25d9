import { type Logger as PinoLogger, pino } from "pino";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** JSON lines on stdout. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
