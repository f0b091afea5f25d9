import { EventEnds } from "./event-ends.js";

/** One complete server-sent event: its bytes as they came (empty line included), its name and its joined `data`. */
export interface SseEvent {
  readonly bytes: Uint8Array;
  /** Bytes of comments in our name that stood among its lines and were left out. */
  readonly droppedBytes: number;
  /** What its `event:` line says; empty where it has none. */
  readonly name: string;
  /** `undefined` for an event without data: a comment, a retry hint. */
  readonly data: string | undefined;
}

const LF = 10;
const LINE_END = /\r\n|\r|\n/;
const OUR_COMMENT = /^:\s*hearth/i;
const NAME_PREFIX = Buffer.from("event: ");
const DATA_PREFIX = Buffer.from("data: ");
/** What a stream may begin with, and nobody wants. */
export const BYTE_ORDER_MARK: Buffer = Buffer.from("\ufeff");

/**
 * Splits bytes that hold only complete events, as the WHATWG standard reads them: lines end in LF, CRLF or CR, and an
 * empty line ends an event, which may be nothing but that line. Takes any bytes and never throws.
 *
 * @returns `undefined` when the last event is not complete: the sender broke the rule
 */
export function readEvents(bytes: Buffer): SseEvent[] | undefined {
  const finder = new EventEnds();
  const ends = finder.next(bytes);
  if (finder.finish()) ends.push(bytes.length);
  if ((ends.at(-1) ?? 0) < bytes.length) return undefined;
  let start = 0;
  return ends.map((end) => {
    const event = readEvent(bytes.subarray(start, end));
    start = end;
    return event;
  });
}

/** The bytes behind the byte order mark that a stream may begin with. */
export function withoutByteOrderMark(bytes: Buffer): Buffer {
  const { length } = BYTE_ORDER_MARK;
  return bytes.subarray(0, length).equals(BYTE_ORDER_MARK) ? bytes.subarray(length) : bytes;
}

function readEvent(event: Buffer): SseEvent {
  const read = readPlain(event) ?? readAny(event);
  return read.name === "error" && read.data ? { ...read, data: errorData(read.data) } : read;
}

/** As far as words are kept that are no JSON, characters. */
const WORDS_LENGTH = 4_096;

/** Some tell an error in plain words: in the form that every dialect's reader knows. */
function errorData(data: string): string {
  return /^\s*[{[]/.test(data) ? data : JSON.stringify({ error: data.slice(0, WORDS_LENGTH) });
}

/** Nearly every event is one `data: …` line, or a name and such a line: no line splitting for those. */
function readPlain(event: Buffer): SseEvent | undefined {
  const dataAt = startsWith(event, 0, NAME_PREFIX) ? event.indexOf(LF) + 1 : 0;
  const last = event.length - 2;
  if (!startsWith(event, dataAt, DATA_PREFIX) || event.indexOf(LF, dataAt) !== last) return undefined;
  const name = dataAt === 0 ? "" : event.toString("utf8", NAME_PREFIX.length, dataAt - 1);
  const data = event.toString("utf8", dataAt + DATA_PREFIX.length, last);
  if (data.includes("\r") || name.includes("\r")) return undefined;
  return { bytes: event, droppedBytes: 0, name, data };
}

function readAny(event: Buffer): SseEvent {
  const lines = event.toString("utf8").split(LINE_END);
  const data = valuesOf("data", lines);
  const name = valuesOf("event", lines).at(-1) ?? "";
  // llama.cpp's server had a field of its own for errors, which forks and wrappers of it still send.
  const errors = data.length === 0 ? valuesOf("error", lines) : [];
  if (errors.length > 0) return { bytes: event, droppedBytes: 0, name: "error", data: errors.join("\n") };
  if (data.length === 0) return { bytes: event, droppedBytes: 0, name, data: undefined };
  const bytes = withoutOurComments(event, lines);
  return { bytes, droppedBytes: event.length - bytes.length, name, data: data.join("\n") };
}

/** Byte by byte: a call into the runtime costs more for so few. */
function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  for (let index = 0; index < prefix.length; index++) if (bytes[at + index] !== prefix[index]) return false;
  return true;
}

/** What each line of this field says. */
function valuesOf(field: string, lines: readonly string[]): string[] {
  const values: string[] = [];
  for (const line of lines) {
    if (!line.startsWith(field)) continue;
    if (line.length === field.length) values.push("");
    else if (line[field.length] === ":")
      values.push(line.slice(field.length + (line[field.length + 1] === " " ? 2 : 1)));
  }
  return values;
}

/** A backend's comments go through; those in our own name are ours to make, and must not pass for a receipt. */
function withoutOurComments(event: Buffer, lines: readonly string[]): Buffer {
  const kept = lines.filter((line) => !OUR_COMMENT.test(line));
  return kept.length === lines.length ? event : Buffer.from(kept.join("\n"));
}
