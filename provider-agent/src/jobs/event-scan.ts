import type { BackendDialect, Usage } from "@hearth/protocol";
import { type EventGrammar, grammarOf } from "./event-grammar.js";
import { parseJson } from "./token-usage.js";

/** What becomes of the stream after the events that were read; `bytes` of them, from the first, belong to it. */
export type ScanResult =
  | { readonly type: "goes_on" }
  /** The backend's own end mark has come; what follows it is of no use. */
  | { readonly type: "ended"; readonly bytes: number }
  /** The last event is an error inside a 200. */
  | { readonly type: "failed"; readonly bytes: number; readonly error: unknown };

type Verdict = { readonly type: "goes_on" | "ended" } | { readonly type: "failed"; readonly error: unknown };

const GOES_ON = { type: "goes_on" } as const;
const ENDED = { type: "ended" } as const;

/** What the agent itself needs from a backend's events. Everything else is the coordinator's to judge. */
export class EventScan {
  /** The backend's own end mark has come. */
  done = false;
  /** Something that is not a role or an id has come. */
  sawContent = false;
  readonly #grammar: EventGrammar;
  #events = 0;
  #counts: Partial<Usage> = {};

  constructor(dialect: BackendDialect = "chat_completions") {
    this.#grammar = grammarOf(dialect);
  }

  /** The stream has an end mark without which it was cut off. */
  get needsEndMark(): boolean {
    return this.#grammar.named;
  }

  /** @param events complete events */
  read(events: Uint8Array): ScanResult {
    // One character a byte, so that places in the text are places in the bytes; all that is looked for is ASCII.
    const text = Buffer.from(events.buffer, events.byteOffset, events.byteLength).toString("latin1");
    let name = "";
    for (let at = 0; at < text.length; ) {
      const end = lineEnd(text, at);
      if (text.startsWith("data:", at)) {
        const verdict = this.#data(name, text.slice(at + 5, end).trim());
        if (verdict.type !== "goes_on") return { ...verdict, bytes: eventEnd(text, end) };
      } else if (this.#grammar.named) name = nameAfter(text, at, end, name);
      at = end + 1;
    }
    return GOES_ON;
  }

  /** What the backend counted; of what it has not counted, one token an event. */
  get usage(): Usage {
    const { prompt_tokens = 0, completion_tokens = this.#events, cached_tokens } = this.#counts;
    return { prompt_tokens, completion_tokens, ...(cached_tokens === undefined ? {} : { cached_tokens }) };
  }

  /** Takes what was counted. Counts only grow: some backends tell the prompt at the start, others all at the end. */
  count(usage: Partial<Usage> | undefined): void {
    if (usage === undefined) return;
    const counts = { ...this.#counts };
    for (const key of ["prompt_tokens", "completion_tokens", "cached_tokens"] as const) {
      const value = usage[key];
      if (value !== undefined) counts[key] = Math.max(value, counts[key] ?? 0);
    }
    this.#counts = counts;
  }

  #data(name: string, data: string): Verdict {
    // Some end named events with it too, behind their own end.
    if (data === "[DONE]") return this.#grammar.named ? GOES_ON : this.#ended();
    if (this.sawContent && this.#grammar.isPlain(name, data)) {
      this.#events += 1;
      return GOES_ON;
    }
    const value = parseJson(data);
    if (typeof value !== "object" || value === null) return GOES_ON;
    const { content = false, ends = false, usage, error } = this.#grammar.read(value);
    if (content) this.#events += 1;
    this.sawContent ||= content;
    this.count(usage);
    if (error !== undefined) return { type: "failed", error };
    return ends ? this.#ended() : GOES_ON;
  }

  #ended(): Verdict {
    this.done = true;
    return ENDED;
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

/** The name of the event that a line belongs to, once the line is read. A blank line ends the event. */
function nameAfter(text: string, start: number, end: number, name: string): string {
  if (text.startsWith("event:", start)) return text.slice(start + 6, end).trim();
  return isBlank(text, start, end) ? "" : name;
}

/** The place behind the blank line that ends an event. @param from the end of one of its lines */
function eventEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; ) {
    const end = lineEnd(text, at);
    if (isBlank(text, at, end)) return end + 1;
    at = end + 1;
  }
  return text.length;
}

const isBlank = (text: string, start: number, end: number): boolean => text.slice(start, end).trimEnd() === "";
