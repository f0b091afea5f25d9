import type { Writable } from "node:stream";
import { LogFile, stdoutDescriptor } from "@hearth/disk";
import type { Clock } from "@hearth/platform";
import { type Logger as PinoLogger, pino } from "pino";
import { systemClock, systemWallTime } from "./clock.js";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

/** `json` is one JSON object a line; `text` is for people's eyes. */
export type LogFormat = "json" | "text";

/** The log of a program, and what becomes of its lines. */
export interface ProgramLog {
  readonly log: Logger;
  readonly file: LogFile;
}

/** pino's number for `warn`. */
const WARN = 40;

/** Lines on stdout. Where stdout takes none, the program goes on without; see `LogFile`. */
export function openLog(level: string, format: LogFormat, clock: Clock): ProgramLog {
  const formatted = (line: string): string => (format === "json" ? line : `${formatLogLine(line.trimEnd())}\n`);
  const file = new LogFile({
    fd: stdoutDescriptor(),
    timers: clock,
    gapLine: (lost, problem) => formatted(gapLine(lost, problem)),
  });
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return { log: pino(options, { write: (line: string) => file.write(formatted(line)) }), file };
}

/** Flushes the log, and reports what could not be written: no failure, but the owner should know. */
export async function closeLog({ file }: ProgramLog, stderr: Writable): Promise<void> {
  const { unwritten, problem } = await file.close();
  if (unwritten > 0) stderr.write(`Stopped, and could not write: ${unwritten} lines of the log (${problem}).\n`);
}

function gapLine(lost: number, problem: string): string {
  const time = new Date(systemWallTime()).toISOString();
  return `${JSON.stringify({ level: WARN, time, lost, problem, msg: "log lines lost" })}\n`;
}

/** The logger of `openLog` alone. */
export function createLogger(level: string, format: LogFormat = "json"): Logger {
  return openLog(level, format, systemClock).log;
}

/** pino's numbers for its levels. */
const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** One line of the log as people read it: time, level, phrase, fields. A line that is no JSON object stays as it is. */
export function formatLogLine(line: string): string {
  const entry = parseObject(line);
  if (entry === undefined) return line;
  const { time, level, msg, ...fields } = entry;
  const at = typeof time === "string" ? time.replace("T", " ").replace(/\.\d+Z$/, "Z") : "";
  const name = LEVELS[Number(level)] ?? String(level ?? "");
  const data = Object.entries(fields).map(([key, value]) => `${key}=${formatField(value)}`);
  return [at, name.padEnd(5), String(msg ?? ""), ...data].filter((part) => part !== "").join(" ");
}

function formatField(value: unknown): string {
  if (typeof value === "string") return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
