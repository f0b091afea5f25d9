import {
  type EventDialectName,
  type EventGrammar,
  type EventReading,
  grammarOf,
  isEndMark,
  type PartialUsage,
  type PromptProgress,
  progressInComment,
  progressInEvent,
  readEvents,
  TokenTally,
} from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import type { StreamHabits } from "../backends/backend.js";
import type { AnswerPart } from "./credited-sender.js";

/** Events that stand together and are of one kind, by their places in the bytes that were read. */
export interface ScannedPart {
  /** `progress`: nothing of the answer, and nobody else's to read. */
  readonly holds: AnswerPart | "progress";
  readonly from: number;
  readonly to: number;
}

/** What becomes of the stream after the events that were read; all that belongs to it is in `parts`. */
export type ScanResult = { readonly parts: readonly ScannedPart[] } & (
  | { readonly type: "goes_on" }
  /** The backend's own end mark has come; what follows it is of no use. */
  | { readonly type: "ended" }
  /** The last event is an error inside a 200; one without words is an event that means nothing. */
  | { readonly type: "failed"; readonly error: unknown }
);

type Verdict = { readonly type: "goes_on" | "ended" } | { readonly type: "failed"; readonly error: unknown };

interface Seen {
  readonly verdict: Verdict;
  readonly holds: ScannedPart["holds"];
}

/** Called while the events are read. */
export interface ScanHooks {
  /** Gets each event's own form. Absent = not all of them are read. */
  readonly parsed?: (parsed: unknown) => void;
  /** The backend says how far it is with the prompt. */
  readonly progress?: (progress: PromptProgress) => void;
  /** Something has come that holds nothing of the answer. */
  readonly stirred?: () => void;
}

/** Tokens of a prompt that were read, and how long that took, ms. */
export interface Prefill {
  readonly tokens: number;
  readonly ms: number;
}

/** Estimates are off by less than this; an answer that comes to more has more than one token in each of its events. */
const MANY_TOKENS_AN_EVENT = 1.5;
/** The same of short answers, tokens. */
const FEW_TOKENS = 8;

const GOES_ON = { type: "goes_on" } as const;
const ENDED = { type: "ended" } as const;

/** What the agent itself needs from a backend's events. Everything else is the coordinator's to judge. */
export class EventScan {
  /** The backend's own end mark has come. */
  done = false;
  /** Something that is not a role or an id has come. */
  sawContent = false;
  /** The answer has its end: a finish reason, or the end mark. */
  finished = false;
  /** Of the backend that is read. */
  habits: StreamHabits = { progressIsOurs: false, pingsByTimer: false };
  /** An event of the answer has come, whatever it holds: the backend has taken the request up. */
  begun = false;
  readonly #grammar: EventGrammar;
  readonly #hooks: ScanHooks;
  #prefill: Prefill | undefined;
  readonly #tally = new TokenTally();
  #events = 0;
  #tokens = 0;
  #counts: PartialUsage = {};

  constructor(dialect: EventDialectName = "chat_completions", hooks: ScanHooks = {}) {
    this.#grammar = grammarOf(dialect);
    this.#hooks = hooks;
  }

  /** The stream has an end mark without which it was cut off. */
  get needsEndMark(): boolean {
    return this.#grammar.named;
  }

  /** Events so far, whatever they held; comments and heartbeats are none. */
  get events(): number {
    return this.#events;
  }

  /** Events so far that held something the model wrote: mostly one a token. */
  get tokens(): number {
    return this.#tokens;
  }

  /** What the server itself measured of the prompt. */
  get prefill(): Prefill | undefined {
    return this.#prefill;
  }

  /** Whether the server told how much of the prompt it took from its cache. */
  get knowsCached(): boolean {
    return this.#counts.cached_tokens !== undefined;
  }

  /** @param bytes complete events */
  read(bytes: Uint8Array): ScanResult {
    const parts: ScannedPart[] = [];
    let to = 0;
    for (const event of readEvents(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) ?? []) {
      to += event.bytes.length + event.droppedBytes;
      if (!event.data) extend(parts, this.#comment(event.bytes, parts.at(-1)?.holds), to);
      else {
        const { verdict, holds } = this.#event(event.name, event.data);
        extend(parts, holds, to);
        if (verdict.type !== "goes_on") return { ...verdict, parts };
      }
    }
    if (to < bytes.length) extend(parts, this.#aside, bytes.length);
    return { ...GOES_ON, parts };
  }

  /** What says nothing (comments, heartbeats) goes along with what stands before it. */
  #comment(bytes: Uint8Array, before: ScannedPart["holds"] | undefined): ScannedPart["holds"] {
    const progress = progressInComment(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
    if (progress !== undefined) this.#hooks.progress?.(progress);
    else if (!this.habits.pingsByTimer) this.#hooks.stirred?.();
    return before === undefined || before === "progress" ? this.#aside : before;
  }

  /** What an event is that is no content. */
  get #aside(): AnswerPart {
    return this.sawContent ? "trailer" : "preamble";
  }

  /** What the backend counted; of what it has not counted, one token an event. */
  get usage(): Usage {
    const { prompt_tokens = 0, completion_tokens = this.#tokens, cached_tokens } = this.#counts;
    return { prompt_tokens, completion_tokens, ...(cached_tokens === undefined ? {} : { cached_tokens }) };
  }

  /**
   * The same, but of a prompt that the backend has not counted what its texts come to, and so of an answer whose texts
   * are clearly more than a token an event. An estimate says that it is one.
   *
   * @param prompt the body that was sent
   */
  settledUsage(prompt: Uint8Array | undefined): Usage {
    const { usage } = this;
    const { prompt_tokens: told, completion_tokens: counted } = this.#counts;
    // Some say 0 of everything.
    const written = counted === 0 && this.#tokens > 0 ? undefined : counted;
    if (!this.sawContent || (told && written !== undefined)) return usage;
    return {
      ...usage,
      prompt_tokens: told || tokensOf(prompt),
      completion_tokens: written ?? this.#written,
      estimated: true,
    };
  }

  get #written(): number {
    const { tokens } = this.#tally;
    return tokens > this.#tokens * MANY_TOKENS_AN_EVENT + FEW_TOKENS ? tokens : this.#tokens;
  }

  /** Takes what was counted. Counts only grow: some backends tell the prompt at the start, others all at the end. */
  count(usage: PartialUsage | undefined): void {
    if (usage === undefined) return;
    const counts: { -readonly [member in keyof PartialUsage]: PartialUsage[member] } = { ...this.#counts };
    for (const key of ["prompt_tokens", "completion_tokens", "cached_tokens"] as const) {
      const value = usage[key];
      if (value !== undefined) counts[key] = Math.max(value, counts[key] ?? 0);
    }
    this.#counts = counts;
  }

  #event(name: string, data: string): Seen {
    const aside = this.#aside;
    this.begun = true;
    this.#events += 1;
    // Some end named events with it too, behind their own end.
    if (isEndMark(data)) return { verdict: this.#grammar.named ? GOES_ON : this.#ended(), holds: aside };
    // Nearly all events are plain: nothing in them has to be read.
    if (this.sawContent && !this.#hooks.parsed && this.#grammar.isPlain(name, data)) {
      this.#tokens += 1;
      this.#tally.add(data);
      return { verdict: GOES_ON, holds: "content" };
    }
    const reading = this.#grammar.read(data);
    if (reading.kind === "content" && reading.generates) this.#tally.add(data);
    const progress = reading.kind === "preamble" ? progressInEvent(reading.parsed) : undefined;
    if (progress !== undefined) {
      this.#hooks.progress?.(progress);
      if (this.habits.progressIsOurs) return { verdict: GOES_ON, holds: "progress" };
    } else if (reading.kind === "preamble" || reading.kind === "trailer") this.#hooks.stirred?.();
    return { verdict: this.#judge(reading), holds: reading.kind === "content" ? "content" : aside };
  }

  #judge(reading: EventReading): Verdict {
    switch (reading.kind) {
      case "content":
        this.sawContent = true;
        this.finished ||= reading.finishes;
        if (reading.generates) this.#tokens += 1;
        this.#take(reading.parsed);
        return reading.finishes && this.#grammar.named ? this.#ended() : GOES_ON;
      case "preamble":
      case "trailer":
        this.#take(reading.parsed);
        return GOES_ON;
      case "malformed":
        // Sent as they come, events are the coordinator's to judge; folded, nobody else will see this one.
        return this.#hooks.parsed ? { type: "failed", error: undefined } : GOES_ON;
      case "done":
        return GOES_ON;
      case "error":
        return { type: "failed", error: reading.error };
    }
  }

  #take(parsed: unknown): void {
    this.count(this.#grammar.usage(parsed));
    this.#prefill = timingsIn(parsed) ?? this.#prefill;
    this.#hooks.parsed?.(parsed);
  }

  #ended(): Verdict {
    this.done = true;
    this.finished = true;
    return ENDED;
  }
}

/** The tokens of a body's texts; no template is known that would add to them. */
function tokensOf(body: Uint8Array | undefined): number {
  const tally = new TokenTally();
  if (body !== undefined) tally.add(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  return tally.tokens;
}

/** llama.cpp's, in its last chunk: `prompt_n` leaves out what was cached, `prompt_ms` the wait for a slot. */
function timingsIn(parsed: unknown): Prefill | undefined {
  const { timings } = parsed as { readonly timings?: unknown };
  const { prompt_n: tokens, prompt_ms: ms } = (timings ?? {}) as Readonly<Record<string, unknown>>;
  return typeof tokens === "number" && typeof ms === "number" && tokens >= 0 && ms > 0 ? { tokens, ms } : undefined;
}

/** Adds what reaches to this place: to the last part, where it is of the same kind. */
function extend(parts: ScannedPart[], holds: ScannedPart["holds"], to: number): void {
  const last = parts.at(-1);
  if (last !== undefined && last.to >= to) return;
  if (last?.holds === holds) parts[parts.length - 1] = { ...last, to };
  else parts.push({ holds, from: last?.to ?? 0, to });
}
