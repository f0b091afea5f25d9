import { type Logger as PinoLogger, pino } from "pino";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

/** JSON lines on stdout. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
