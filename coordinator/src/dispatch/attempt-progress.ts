import { type EventReading, progressInComment, stopReasonOf } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import { ContentTimes } from "./content-times.js";
import type { AttemptEvent } from "./types.js";

/** A sign of life, and the counter that shows whether anything has moved. */
export type Sign = Omit<Extract<AttemptEvent, { type: "working" }>, "type">;

/** Bytes of an SSE comment that are searched for a counter. */
const MAX_COMMENT_BYTES = 256;

/** `being_written`: an answer that comes as a whole is being generated, and none of it is here yet. */
type Heard = "nothing" | "being_written" | "some";

/** Told of an attempt's progress. */
export interface ProgressHooks {
  readonly clock: Pick<Clock, "now">;
  /** The provider works on the attempt: a sign of life or content has come. */
  readonly working: () => void;
  /** Content came. @param gapMs since the content before it, or since the start */
  readonly content: (first: boolean, gapMs: number) => void;
}

/** How far an attempt is, by the signs of life and the content that its provider has sent. */
export class AttemptProgress {
  /** The last counter of each sign of life, by whose it is. */
  readonly #signs = new Map<`${WorkingScope} ${WorkingSign}`, number>();
  /** Comments without a counter of their own; their number serves as one. */
  #comments = 0;
  #heard: Heard = "nothing";
  /** Events in which the model has written something. Each is at least one token. */
  #written = 0;
  #finished = false;
  #stopReason: string | undefined;
  #lastContentAt: number;
  /** When its content came, as far as anybody might be shown it. */
  readonly contentTimes: ContentTimes = new ContentTimes();

  /** @param startedAt ms */
  constructor(startedAt: number) {
    this.#lastContentAt = startedAt;
  }

  /** A sign of life has come. */
  get moved(): boolean {
    return this.#signs.size > 0;
  }

  /** Content has come, or some is known to be written. */
  get seenContent(): boolean {
    return this.#heard !== "nothing";
  }

  /** Content has come that a consumer might be shown. */
  get hasContent(): boolean {
    return this.#heard === "some";
  }

  /** Signs of life or content show that the backend has done work for this request. */
  get worked(): boolean {
    return this.seenContent || this.#signs.has("request prefilling") || this.#signs.has("request generating");
  }

  /** Tokens generated according to the provider's last sign of life. */
  get generatedTokens(): number {
    return this.#signs.get("request generating") ?? 0;
  }

  /** A lower bound of the tokens that the model has written so far. */
  get writtenTokens(): number {
    return Math.max(this.#written, this.generatedTokens);
  }

  /** The backend has told a finish reason. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Why its model stopped, in its backend's words; `undefined` = it has not, or nobody said. */
  get stopReason(): string | undefined {
    return this.#stopReason;
  }

  /** Takes progress and stop reason from an event of the answer. */
  read(reading: EventReading): void {
    if (reading.kind === "done") this.#finished = true;
    if (reading.kind !== "content") return;
    const { finishes, generates, parsed } = reading;
    if (generates) this.#written += 1;
    if (finishes) this.#finished = true;
    // Only events that finish an answer, or add no token to it, can hold the reason: others are not searched.
    if (finishes || !generates) this.#stopReason = stopReasonOf(parsed) ?? this.#stopReason;
  }

  /** @returns whether its counter has moved */
  sign(hooks: ProgressHooks, { sign, counter, scope }: Sign): boolean {
    const kind = `${scope} ${sign}` as const;
    if (this.#signs.get(kind) === counter) return false;
    if (!this.moved && !this.seenContent) hooks.working();
    if (kind === "request generating") this.writing(hooks);
    this.#signs.set(kind, counter);
    return true;
  }

  /** A comment with a counter tells how far this request is. A bare one tells only that the stream is held open. */
  signIn(comment: Uint8Array): Sign {
    const sign = this.seenContent ? "generating" : "prefilling";
    const progress = progressInComment(Buffer.from(comment.subarray(0, MAX_COMMENT_BYTES)).toString("latin1"));
    if (progress === undefined) return { sign, counter: ++this.#comments, scope: "server" };
    return { sign, counter: progress.processed, scope: sign === "prefilling" ? "request" : "server" };
  }

  content(hooks: ProgressHooks): void {
    this.#tell(hooks, "some");
  }

  /**
   * An answer that comes as a whole is being generated. The first report of it counts as the first content; each later
   * one ends the silence and does not count as content.
   */
  writing(hooks: ProgressHooks): void {
    if (this.#heard === "nothing") this.#tell(hooks, "being_written");
    else if (this.#heard === "being_written") this.#lastContentAt = hooks.clock.now();
  }

  #tell({ clock, working, content }: ProgressHooks, heard: Heard): void {
    const now = clock.now();
    const first = !this.seenContent;
    const gapMs = now - this.#lastContentAt;
    this.#heard = heard;
    this.#lastContentAt = now;
    if (heard === "some") this.contentTimes.came(now);
    if (first) working();
    content(first, gapMs);
  }
}
