import type { SignedEntry } from "@hearth/attestation";
import { type SseEvent, withoutByteOrderMark } from "@hearth/dialects";
import {
  type AttemptId,
  type CancelReason,
  type CloseReason,
  type DataFrame,
  type ErrorFrame,
  type Holding,
  LIMITS,
  type ProviderId,
  type Usage,
  type WorkingScope,
  type WorkingSign,
} from "@hearth/protocol";
import type { AwaitedReceipt } from "../fleet/awaited-receipts.js";
import type { ConfirmedCancel, ProviderStream, StreamListener } from "../fleet/provider-link.js";
import { clampUsage, type UsageBounds, usageBounds } from "../fleet/usage-bounds.js";
import type { ClampedMember } from "../platform/clamped-members.js";
import { type AttemptDeps, type DigestFault, forConfirmation } from "./attempt-deps.js";
import { AttemptProgress, type Sign } from "./attempt-progress.js";
import { EventQueue } from "./event-queue.js";
import {
  BODY_TOO_LARGE,
  CONNECTION_LOST,
  CUT,
  failureOfFrame,
  failureOfStatus,
  LEFT_WHILE_PAUSED,
  OUTRUN,
  PROTOCOL_VIOLATION,
  TRUNCATED,
} from "./failures.js";
import { FrameReader } from "./frame-reader.js";
import { PreambleReader } from "./preamble-reader.js";
import type { Attempt, AttemptEvent, AttemptFailure, Chunk } from "./types.js";

/** Connections that are found closed within this of a pause of ours were closed because of it, ms. */
const AFTER_PAUSE_MS = 2_000;
/** Events that wait for their consumer at most. Credit bounds their bytes; this bounds what tiny ones cost beside. */
const MAX_PENDING_EVENTS = 16_384;

const NO_EVENTS: readonly SseEvent[] = [];

/**
 * One sealed stream, turned into attempt events: opens each frame, splits it into events, reads each event once.
 * Bytes are granted back to the provider as the events are taken.
 */
export class ProviderAttempt implements Attempt, StreamListener {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  readonly startedAt: number;
  /** What of the provider's count was more than can be, and so counts as less than it has signed. */
  clamped: readonly ClampedMember[] = [];
  #deps: AttemptDeps;
  readonly #events: EventQueue;
  /** Content of the frame that is being read. */
  #content: Chunk[] = [];
  #stream: ProviderStream | undefined;
  #state: "open" | "completed" | "failed" | "cancelled" = "open";
  readonly #progress: AttemptProgress;
  readonly #preamble: PreambleReader;
  #answerBytes = 0;
  #frames: FrameReader | undefined;

  constructor(deps: AttemptDeps) {
    this.id = deps.id;
    this.provider = deps.provider;
    this.#deps = deps;
    this.startedAt = deps.clock.now();
    this.#progress = new AttemptProgress(this.startedAt);
    this.#frames = new FrameReader(deps.opener, deps.receipts);
    this.#preamble = new PreambleReader(deps.form.body.length);
    this.#events = new EventQueue({
      grant: (bytes) => {
        if (!this.#over) this.#stream?.grant(bytes);
      },
      heldBytes: () => this.#frames?.heldBytes ?? 0,
    });
  }

  get #over(): boolean {
    return this.#state !== "open";
  }

  /** Tells the attempt where to send credit and cancels. */
  attach(stream: ProviderStream): void {
    this.#stream = stream;
  }

  [Symbol.asyncIterator](): AsyncIterator<AttemptEvent> {
    return this.#events;
  }

  cancel(reason: CancelReason): void {
    if (this.#over) return;
    this.#state = "cancelled";
    this.#stream?.cancel(reason);
    const generatedTokens = Math.min(this.#progress.generatedTokens, this.usageBounds().completion);
    const progress = this.#progress.worked || this.#answerBytes > 0 ? "processed" : "not_started";
    this.#deps.ended({ type: "cancelled", reason, progress, moved: this.#progress.moved, generatedTokens });
    this.#letGo();
    this.#events.discard();
  }

  /** Nothing more is done for it. Who awaits its provider's confirmation holds on to it, and to no more than that takes. */
  #letGo(): void {
    this.#deps = forConfirmation(this.#deps);
    this.#stream = undefined;
    this.#frames = undefined;
    this.#content = [];
    this.#preamble.letGo();
  }

  working(sign: WorkingSign, counter: number, scope: WorkingScope = "request"): void {
    if (!this.#over) this.#guarded("working", 0, () => this.#sign({ sign, counter, scope }));
  }

  /** Movement is all that counts: no credit bounds how often the same is said. */
  #sign(said: Sign): void {
    if (!this.#progress.sign(this.#deps, said)) return;
    this.#events.push({ type: "working", ...said });
  }

  /** Bytes of the answer that have come, opened. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** The reply threw over what this attempt had said: that counts as its provider's fault, also where it has ended. */
  undigested(thrown: unknown): void {
    this.#deps.undigested({ what: "reply", sizeBytes: this.#answerBytes, thrown });
    if (this.#state === "completed") this.#deps.retracted();
    else this.#giveUp(PROTOCOL_VIOLATION);
  }

  data(frame: DataFrame): void {
    if (this.#over || this.#frames === undefined) return;
    const plaintext = this.#frames.open(frame);
    if (plaintext === undefined) return this.#violation("untrusted");
    try {
      const events = this.#eventsOf(plaintext, frame, this.#frames);
      if ("code" in events) return this.#giveUp(events);
      for (const event of events) this.#read(event);
      this.#flushContent();
      this.#hold(frame.holds);
    } catch (thrown) {
      this.#indigestible("data", plaintext.length, thrown);
    }
  }

  /** The events that a frame makes whole. @returns the failure, where it goes beyond a bound */
  #eventsOf(
    plaintext: Buffer,
    { seq, final }: Pick<DataFrame, "seq" | "final">,
    frames: FrameReader,
  ): readonly SseEvent[] | AttemptFailure {
    const { format, dialect } = this.#deps.form;
    this.#answerBytes += plaintext.length;
    // Credit bounds bytes: frames without any could come for ever.
    const isBounded = (plaintext.length > 0 || final) && this.#events.received(plaintext.length);
    if (!isBounded) return PROTOCOL_VIOLATION;
    if (format === "body") {
      frames.gather(plaintext);
      // Nobody waits for a part, so that its bytes are granted back at once.
      this.#events.taken(plaintext.length);
      if (this.#answerBytes <= LIMITS.responseBodyBytes) return NO_EVENTS;
      // Vectors are as many as were asked for; no model writes as much.
      return dialect === "embeddings" ? BODY_TOO_LARGE : failureOfStatus(502);
    }
    const text = seq === 0 ? withoutByteOrderMark(plaintext) : plaintext;
    this.#events.taken(plaintext.length - text.length);
    const events = frames.join(text, final);
    const isTooMuch = events === undefined || this.#events.size + events.length > MAX_PENDING_EVENTS;
    return isTooMuch ? PROTOCOL_VIOLATION : events;
  }

  /**
   * Whatever our code throws over this stream's bytes ends this attempt and nothing else: a consumer may have steered
   * what the model said, and the provider's other streams have no part in it.
   */
  #indigestible(what: DigestFault["what"], sizeBytes: number, thrown: unknown): void {
    this.#deps.undigested({ what, sizeBytes, thrown });
    this.#content = [];
    this.#giveUp(PROTOCOL_VIOLATION);
  }

  #guarded(what: DigestFault["what"], sizeBytes: number, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#indigestible(what, sizeBytes, thrown);
    }
  }

  /** Where a part of an event has come, its backend has written so much, and nobody can read it yet. */
  #hold(holds: Holding): void {
    if (this.#over || this.#frames === undefined || this.#frames.heldBytes === 0) return;
    if (holds === "content") {
      this.#progress.writing(this.#deps);
      this.#events.push({ type: "working", sign: "generating", counter: this.#answerBytes, scope: "request" });
    }
    this.#events.advance();
  }

  complete(usage: Usage): AwaitedReceipt | undefined {
    if (this.#over) return undefined;
    const { receipts, form } = this.#deps;
    const frames = this.#frames;
    this.#guarded("complete", this.#answerBytes, () => {
      // It counts when all of it is there: until then any failure can stay unseen.
      if (form.format === "body" && frames?.finished) this.#read(frames.gathered());
      if (this.#over) return;
      if (!frames?.finished || !this.#progress.finished) return this.#fail(TRUNCATED, usage);
      this.#flushContent();
      receipts?.complete(usage, frames.opened - 1);
      this.#terminal({ type: "end", usage: this.#counting(usage) });
    });
    return this.#state === "completed" ? receipts : undefined;
  }

  /**
   * The provider's receipt of an answer that is complete, when it has come and been found to be true, or `undefined`
   * when it is known that there will be none. Absent = nobody signs for this answer.
   */
  get receipt(): Promise<SignedEntry | undefined> | undefined {
    return this.#state === "completed" ? this.#deps.receipts?.receipt : undefined;
  }

  /** How far the answer is: what was written of it, when its content came, and why its model stopped. */
  get progress(): Pick<AttemptProgress, "writtenTokens" | "contentTimes" | "stopReason"> {
    return this.#progress;
  }

  usageBounds(): UsageBounds {
    const { form, answerTokens, clock } = this.#deps;
    return usageBounds({
      promptBytes: form.body.length,
      answerBytes: this.#answerBytes,
      elapsedMs: clock.now() - this.startedAt,
      answerTokens,
    });
  }

  #counting(told: Usage): Usage {
    const { usage, clamped } = clampUsage(told, this.usageBounds());
    if (clamped.length > 0) this.#deps.usageClamped(clamped);
    this.clamped = clamped;
    return usage;
  }

  failed(frame: ErrorFrame): void {
    if (frame.code === "decryption_failed") this.#deps.unopened();
    const sizeBytes = frame.sealed_body?.length ?? 0;
    this.#guarded("error", sizeBytes, () => {
      const failure = failureOfFrame(frame, this.#over ? undefined : this.#frames?.openError(frame));
      this.#fail(failure, frame.usage);
    });
  }

  cancelConfirmed(confirmed: ConfirmedCancel): void {
    this.#deps.cancelConfirmed(confirmed);
  }

  lost(): void {
    const sincePauseMs = this.#deps.clock.sincePause?.() ?? Number.POSITIVE_INFINITY;
    this.#fail(sincePauseMs < AFTER_PAUSE_MS ? LEFT_WHILE_PAUSED : CONNECTION_LOST);
  }

  withdrawn(why: "outrun" | "cut"): void {
    this.#fail(why === "outrun" ? OUTRUN : CUT);
  }

  #read(event: SseEvent): void {
    if (this.#over) return;
    if (event.droppedBytes > 0) this.#events.taken(event.droppedBytes);
    if (event.data === undefined || event.data === "") {
      // A comment, a retry hint, a heartbeat without words: nothing for the consumer, but its bytes are granted back.
      this.#events.taken(event.bytes.length);
      return this.#sign(this.#progress.signIn(event.bytes));
    }
    const reading = this.#deps.form.readEvent(event.data);
    this.#progress.read(reading);
    switch (reading.kind) {
      case "content":
        return void this.#content.push(this.#chunk(event, reading.parsed));
      case "preamble":
      case "trailer":
        return this.#aside(this.#chunk(event, reading.parsed));
      case "done":
        return this.#events.taken(event.bytes.length);
      case "error":
        return this.#giveUp(failureOfStatus(reading.status, reading.error));
      case "malformed":
        return this.#giveUp(failureOfStatus(502));
    }
  }

  /** What is not content goes along with the content before it, or is told by itself. */
  #aside(chunk: Chunk): void {
    if (this.#content.length > 0) return void this.#content.push(chunk);
    this.#events.push(this.#preamble.read(chunk, this.#progress.seenContent));
  }

  /** Tells the content that came together as one event: most of the work a stream costs is per event. */
  #flushContent(): void {
    if (this.#content.length === 0) return;
    const chunks = this.#content;
    this.#content = [];
    this.#progress.content(this.#deps);
    this.#events.push({ type: "content", chunks });
  }

  #chunk(event: SseEvent, parsed: unknown): Chunk {
    const { dialect, format } = this.#deps.form;
    const chunk = { dialect, bytes: event.bytes, parsed };
    return format === "body" ? { ...chunk, whole: true } : chunk;
  }

  /** The backend's fault, seen by us before the agent could tell: stop it and report. */
  #giveUp(failure: AttemptFailure): void {
    this.#stream?.cancel("superseded");
    this.#fail(failure);
    this.#letGo();
  }

  #violation(reason: CloseReason): void {
    this.#fail(PROTOCOL_VIOLATION);
    this.#deps.violated(reason);
  }

  /** @param told what the provider says that it spent */
  #fail(failure: AttemptFailure, told?: Usage): void {
    // Of an answer that is one body nobody is shown a part.
    if (this.#deps.form.format === "body") this.#content = [];
    this.#flushContent();
    // A backend that broke off behind its first content has done work, even where it calls that a refusal.
    const isUntrue = this.#progress.seenContent && failure.progress !== "processed";
    this.#terminal({ type: "failed", failure: isUntrue ? { ...failure, progress: "processed" } : failure }, told);
  }

  #terminal(event: Extract<AttemptEvent, { type: "end" | "failed" }>, told?: Usage): void {
    if (this.#over) return;
    const usage = told === undefined ? {} : { usage: this.#counting(told) };
    this.#events.push(event);
    this.#events.close();
    this.#state = event.type === "end" ? "completed" : "failed";
    this.#deps.ended(
      event.type === "end"
        ? { type: "completed", usage: event.usage }
        : { type: "failed", failure: event.failure, afterContent: this.#progress.hasContent, ...usage },
    );
  }
}
