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
const OUR_COMMENT = /^:\s*hearth/i;
const DATA_PREFIX = Buffer.from("data: ");

/**
 * Splits bytes that hold only complete events.
 *
 * @returns `undefined` when the last event is not complete: the sender broke the rule
 */
export function readEvents(bytes: Buffer): SseEvent[] | undefined {
  const events: SseEvent[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = eventEnd(bytes, start);
    if (end === -1) return undefined;
    events.push(readEvent(bytes.subarray(start, end)));
    start = end;
  }
  return events;
}

/** The index just behind the blank line that ends the event at `start`. */
function eventEnd(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(LF, start);
  while (at !== -1) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
    at = bytes.indexOf(LF, at + 1);
  }
  return -1;
}

function readEvent(event: Buffer): SseEvent {
  const firstLineEnd = event.indexOf(LF);
  // Nearly every event is one `data: …` line: no line splitting for those.
  if (firstLineEnd === event.length - 2 && event.compare(DATA_PREFIX, 0, 6, 0, 6) === 0) {
    return { bytes: event, droppedBytes: 0, data: event.toString("utf8", 6, firstLineEnd) };
  }
  const lines = event.toString("utf8").split(/\r?\n/);
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(line[5] === " " ? 6 : 5));
  if (data.length === 0) return { bytes: event, droppedBytes: 0, data: undefined };
  const bytes = withoutOurComments(event, lines);
  return { bytes, droppedBytes: event.length - bytes.length, data: data.join("\n") };
}

/** A backend's comments go through; those in our own name are ours to make, and must not pass for a receipt. */
function withoutOurComments(event: Buffer, lines: readonly string[]): Buffer {
  const kept = lines.filter((line) => !OUR_COMMENT.test(line));
  return kept.length === lines.length ? event : Buffer.from(kept.join("\n"));
}
