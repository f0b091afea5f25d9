/** One complete server-sent event: its bytes as they came (blank line included), and its joined `data`. */
export interface SseEvent {
  readonly bytes: Uint8Array;
  /** `undefined` for an event without data: a comment, a retry hint. */
  readonly data: string | undefined;
}

const LF = 10;
const CR = 13;
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
    const event = bytes.subarray(start, end);
    events.push({ bytes: event, data: dataOf(event) });
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

function dataOf(event: Buffer): string | undefined {
  const firstLineEnd = event.indexOf(LF);
  // Nearly every event is one `data: …` line: no line splitting for those.
  if (firstLineEnd === event.length - 2 && event.compare(DATA_PREFIX, 0, 6, 0, 6) === 0) {
    return event.toString("utf8", 6, firstLineEnd);
  }
  const lines: string[] = [];
  for (const line of event.toString("utf8").split(/\r?\n/)) {
    if (line.startsWith("data:")) lines.push(line.slice(line[5] === " " ? 6 : 5));
  }
  return lines.length === 0 ? undefined : lines.join("\n");
}
