import { type Logger as PinoLogger, pino } from "pino";

/** A pino logger. Messages are stable phrases, data goes into fields; never a prompt, completion, key or token. */
export type Logger = PinoLogger;

/** `json` is one JSON object a line; `text` is for people's eyes. */
export type LogFormat = "json" | "text";

/** Writes lines to stdout. */
export function createLogger(level: string, format: LogFormat = "json"): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === "json") return pino(options);
  return pino(options, { write: (line: string) => process.stdout.write(`${formatLogLine(line.trimEnd())}\n`) });
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
