/** One complete server-sent event: its bytes as they came (blank line included), and its joined `data`. */
export interface SseEvent {
  readonly bytes: Uint8Array;
  /** Bytes of comments in our name that stood among its lines and were left out. */
  readonly droppedBytes: number;
  /** `undefined` for an event without data: a comment, a retry hint. */
  readonly data: string | undefined;
}

const LF = 10;
const CR = 13;
const LINE_END = /\r\n|\r|\n/;
const OUR_COMMENT = /^:\s*hearth/i;
const DATA_PREFIX = Buffer.from("data: ");
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * Splits bytes that hold only complete events, as the WHATWG standard reads them: lines end in LF, CRLF or CR, and an
 * empty line ends an event, which may be nothing but that line. Takes any bytes and never throws.
 *
 * @returns `undefined` when the last event is not complete: the sender broke the rule
 */
export function readEvents(bytes: Buffer): SseEvent[] | undefined {
  const events: SseEvent[] = [];
  const eventEnd = bytes.includes(CR) ? anyEventEnd : plainEventEnd;
  let start = 0;
  while (start < bytes.length) {
    const end = eventEnd(bytes, start);
    if (end === -1) return undefined;
    events.push(readEvent(bytes.subarray(start, end)));
    start = end;
  }
  return events;
}

/** The bytes behind the byte order mark that a stream may begin with. */
export function withoutByteOrderMark(bytes: Buffer): Buffer {
  const { length } = BYTE_ORDER_MARK;
  return bytes.subarray(0, length).equals(BYTE_ORDER_MARK) ? bytes.subarray(length) : bytes;
}

/** The index just behind the empty line that ends the event at `start`, where every line ends in LF. */
function plainEventEnd(bytes: Buffer, start: number): number {
  if (bytes[start] === LF) return start + 1;
  const blank = bytes.indexOf("\n\n", start);
  return blank === -1 ? -1 : blank + 2;
}

/** The same for lines that end in whatever the standard allows. */
function anyEventEnd(bytes: Buffer, start: number): number {
  let lineStart = start;
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] !== LF && bytes[at] !== CR) continue;
    const isEmpty = at === lineStart;
    if (bytes[at] === CR && bytes[at + 1] === LF) at += 1;
    lineStart = at + 1;
    if (isEmpty) return lineStart;
  }
  return -1;
}

function readEvent(event: Buffer): SseEvent {
  // Nearly every event is one `data: …` line: no line splitting for those.
  if (isPlain(event)) return { bytes: event, droppedBytes: 0, data: event.toString("utf8", 6, event.length - 2) };
  const lines = event.toString("utf8").split(LINE_END);
  const data = lines.filter(isData).map((line) => line.slice(line[5] === " " ? 6 : 5));
  if (data.length === 0) return { bytes: event, droppedBytes: 0, data: undefined };
  const bytes = withoutOurComments(event, lines);
  return { bytes, droppedBytes: event.length - bytes.length, data: data.join("\n") };
}

function isPlain(event: Buffer): boolean {
  if (event.length < DATA_PREFIX.length + 2 || !event.subarray(0, DATA_PREFIX.length).equals(DATA_PREFIX)) return false;
  return event.indexOf(LF) === event.length - 2 && !event.includes(CR);
}

const isData = (line: string): boolean => line.startsWith("data:") || line === "data";

/** A backend's comments go through; those in our own name are ours to make, and must not pass for a receipt. */
function withoutOurComments(event: Buffer, lines: readonly string[]): Buffer {
  const kept = lines.filter((line) => !OUR_COMMENT.test(line));
  return kept.length === lines.length ? event : Buffer.from(kept.join("\n"));
}
