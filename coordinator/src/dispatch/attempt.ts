import type { SignedEntry } from "@hearth/attestation";
import { readEvents, type SseEvent, withoutByteOrderMark } from "@hearth/dialects";
import type { ResponseOpener } from "@hearth/e2e";
import {
  type AttemptId,
  type CancelReason,
  type CloseReason,
  DATA_MARKS,
  type DataFrame,
  type ErrorFrame,
  type Holding,
  LIMITS,
  type ProviderId,
  type Usage,
  type WorkingSign,
} from "@hearth/protocol";
import type { AwaitedReceipt } from "../fleet/awaited-receipts.js";
import type { ProviderStream, StreamListener } from "../fleet/provider-session.js";
import { type ClampedMember, clampUsage, type UsageBounds, usageBounds } from "../fleet/usage-bounds.js";
import type { Clock } from "../platform/clock.js";
import {
  BODY_TOO_LARGE,
  CONNECTION_LOST,
  failureOfFrame,
  failureOfStatus,
  LEFT_WHILE_PAUSED,
  PROTOCOL_VIOLATION,
  TRUNCATED,
} from "./failures.js";
import type { OutboundForm } from "./outbound-request.js";
import type { ReceiptCheck } from "./receipt-check.js";
import type { Attempt, AttemptEvent, AttemptFailure, Chunk } from "./types.js";

/** How an attempt ended, for the lease and the books. */
export type AttemptEnd =
  | { readonly type: "completed"; readonly usage: Usage }
  | { readonly type: "failed"; readonly failure: AttemptFailure; readonly afterContent: boolean }
  | { readonly type: "cancelled"; readonly reason: CancelReason };

export interface AttemptDeps {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  readonly form: OutboundForm;
  readonly opener: ResponseOpener;
  /** Checks the provider's receipt; absent where the provider does not attest, and its receipts prove nothing. */
  readonly receipts: ReceiptCheck | undefined;
  /** What the consumer allows the answer, or the model's context holds, tokens; absent = neither is known. */
  readonly answerTokens: number | undefined;
  /** Plaintext bytes of the whole answer at most: the coordinator gathers it for a consumer who does not stream. */
  readonly answerMaxBytes: number;
  readonly clock: Clock;
  /** The provider works on it: there is a sign of life, or content has come. */
  readonly working: () => void;
  /** Content came, this long after the content before it, or after the start, ms. */
  readonly content: (first: boolean, gapMs: number) => void;
  /** Called once, whatever happens: the only place where an attempt gives back what it holds. */
  readonly ended: (end: AttemptEnd) => void;
  /** What came does not open: its connection is closed for this reason. */
  readonly violated: (reason: CloseReason) => void;
  /** The provider could not open what it was sent: it does not hold the context that it was sealed under. */
  readonly unopened: () => void;
  /** Our own code threw over what the provider had said on this stream. */
  readonly undigested: (fault: DigestFault) => void;
  /** The provider told more tokens than can be. */
  readonly usageClamped: (members: readonly ClampedMember[]) => void;
  /** An attempt that had ended well has turned out to be none of use. */
  readonly retracted: () => void;
}

/** What is known of bytes that our own code threw over: never what they say. */
export interface DigestFault {
  /** What was being worked on; `reply` = what the consumer's form of it was written from. */
  readonly what: "working" | "data" | "complete" | "error" | "receipt" | "reply";
  /** Plaintext bytes of the frame, or of all that had come by then. */
  readonly sizeBytes: number;
  readonly thrown: unknown;
}

/** Connections that are found closed within this of a pause of ours were closed because of it, ms. */
const AFTER_PAUSE_MS = 2_000;
/** Events that wait for their consumer at most. Credit bounds their bytes; this bounds what tiny ones cost beside. */
const MAX_PENDING_EVENTS = 16_384;

/**
 * One sealed stream, turned into attempt events: opens each frame, splits it into events, reads each event once.
 * Bytes are granted back to the provider as the events are taken, so an attempt never holds more than its credit.
 */
export class ProviderAttempt implements Attempt, StreamListener {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  readonly startedAt: number;
  /** What of the provider's count was more than can be, and so counts as less than it has signed. */
  clamped: readonly ClampedMember[] = [];
  readonly #deps: AttemptDeps;
  readonly #events: AttemptEvent[] = [];
  /** Content of the frame that is being read. */
  #content: Chunk[] = [];
  #stream: ProviderStream | undefined;
  #waiting: ((result: IteratorResult<AttemptEvent>) => void) | undefined;
  #over = false;
  /** The last counter of each sign of life. */
  readonly #signs = new Map<WorkingSign, number>();
  #ended = false;
  #completed = false;
  #finished = false;
  /** Plaintext bytes received beyond what was granted back. */
  #outstandingBytes = 0;
  #answerBytes = 0;
  #takenBytes = 0;
  /** Frames opened: the number that the next one must carry. */
  #received = 0;
  /** What has come of an answer that is one body. */
  readonly #parts: Buffer[] = [];
  #gatheredBytes = 0;
  #seenContent = false;
  #lastContentAt: number;

  constructor(deps: AttemptDeps) {
    this.id = deps.id;
    this.provider = deps.provider;
    this.#deps = deps;
    this.startedAt = deps.clock.now();
    this.#lastContentAt = this.startedAt;
  }

  /** Tells the attempt where to send credit and cancels. */
  attach(stream: ProviderStream): void {
    this.#stream = stream;
  }

  [Symbol.asyncIterator](): AsyncIterator<AttemptEvent> {
    return { next: () => this.#next() };
  }

  cancel(reason: CancelReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.length = 0;
    this.#stream?.cancel(reason);
    this.#end({ type: "cancelled", reason });
    this.#resolve({ done: true, value: undefined });
  }

  working(sign: WorkingSign, counter: number): void {
    // Movement is all that counts; and no credit bounds how often the same is said.
    if (this.#signs.get(sign) === counter || this.#over) return;
    this.#guarded("working", 0, () => {
      if (this.#signs.size === 0) this.#deps.working();
      if (sign === "generating" && !this.#signs.has(sign)) this.#noteContent();
      this.#signs.set(sign, counter);
      // Nobody reads an attempt that waits for its consumer: the newest sign tells as much as all of them.
      const last = this.#events.at(-1);
      if (last?.type === "working" && last.sign === sign) this.#events.pop();
      this.#push({ type: "working", sign, counter });
    });
  }

  /** The reply threw over what this attempt had said: that counts as its provider's fault, also where it has ended. */
  undigested(thrown: unknown): void {
    this.#deps.undigested({ what: "reply", sizeBytes: this.#answerBytes, thrown });
    if (this.#completed) this.#deps.retracted();
    else this.#giveUp(PROTOCOL_VIOLATION);
  }

  data({ ciphertext, seq, final, holds }: DataFrame): void {
    if (this.#over) return;
    const plaintext = this.#open(ciphertext, seq, final, holds);
    if (plaintext === undefined) return this.#violation("untrusted");
    this.#guarded("data", plaintext.length, () => this.#digest(plaintext, seq, final));
  }

  /**
   * Whatever our code throws over this stream's bytes ends this attempt and nothing else: a consumer may have steered
   * what the model said, and the provider's other streams have no part in it.
   */
  #guarded(what: DigestFault["what"], sizeBytes: number, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#deps.undigested({ what, sizeBytes, thrown });
      this.#content = [];
      this.#giveUp(PROTOCOL_VIOLATION);
    }
  }

  #digest(plaintext: Buffer, seq: number, final: boolean): void {
    // Credit bounds bytes: frames without any could come for ever.
    if (plaintext.length === 0 && !final) return this.#giveUp(PROTOCOL_VIOLATION);
    this.#outstandingBytes += plaintext.length;
    this.#answerBytes += plaintext.length;
    if (this.#answerBytes > this.#deps.answerMaxBytes) return this.#giveUp(failureOfStatus(502));
    // One frame may overshoot the credit; two may not.
    if (this.#outstandingBytes > LIMITS.initialCreditBytes + LIMITS.frameBytes) {
      return this.#giveUp(PROTOCOL_VIOLATION);
    }
    if (this.#deps.form.format === "body") return this.#gather(plaintext);
    const text = seq === 0 ? withoutByteOrderMark(plaintext) : plaintext;
    this.#taken(plaintext.length - text.length);
    const events = readEvents(text);
    if (events === undefined || this.#events.length + events.length > MAX_PENDING_EVENTS) {
      return this.#giveUp(PROTOCOL_VIOLATION);
    }
    for (const event of events) this.#read(event);
    this.#flushContent();
  }

  complete(usage: Usage): AwaitedReceipt | undefined {
    if (this.#over) return undefined;
    const { receipts, form, opener } = this.#deps;
    this.#guarded("complete", this.#answerBytes, () => {
      if (form.format === "body" && opener.finished) this.#readGathered();
      if (this.#over) return;
      if (!opener.finished || !this.#finished) return this.#fail(TRUNCATED);
      this.#flushContent();
      receipts?.complete(usage, this.#received - 1);
      this.#terminal({ type: "end", usage: this.#counting(usage) });
    });
    return this.#completed ? receipts : undefined;
  }

  /**
   * The provider's receipt of an answer that is complete, when it has come and been found to be true, or `undefined`
   * when it is known that there will be none. Absent = nobody signs for this answer.
   */
  get receipt(): Promise<SignedEntry | undefined> | undefined {
    return this.#completed ? this.#deps.receipts?.receipt : undefined;
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
    this.#guarded("error", sizeBytes, () => this.#fail(failureOfFrame(frame, this.#openErrorBody(frame))));
  }

  lost(): void {
    const sincePauseMs = this.#deps.clock.sincePause?.() ?? Number.POSITIVE_INFINITY;
    this.#fail(sincePauseMs < AFTER_PAUSE_MS ? LEFT_WHILE_PAUSED : CONNECTION_LOST);
  }

  #open(ciphertext: Uint8Array, seq: number, final: boolean, holds: Holding): Buffer | undefined {
    try {
      const plaintext = this.#deps.opener.open(ciphertext, seq, final, DATA_MARKS[holds]);
      this.#received += 1;
      this.#deps.receipts?.add(plaintext);
      return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
    } catch {
      return undefined;
    }
  }

  /** A part of an answer that is one body: nobody waits for it, so that its bytes are granted back at once. */
  #gather(part: Buffer): void {
    this.#parts.push(part);
    this.#gatheredBytes += part.length;
    if (this.#gatheredBytes > LIMITS.responseBodyBytes) {
      // Vectors are as many as were asked for; no model writes as much.
      return this.#giveUp(this.#deps.form.dialect === "embeddings" ? BODY_TOO_LARGE : failureOfStatus(502));
    }
    this.#taken(part.length);
  }

  /** An answer that is one body counts when all of it is there: until then any failure can stay unseen. */
  #readGathered(): void {
    const bytes = Buffer.concat(this.#parts);
    this.#parts.length = 0;
    this.#read({ bytes, droppedBytes: 0, name: "", data: bytes.toString("utf8") });
  }

  #openErrorBody(frame: ErrorFrame): unknown {
    if (frame.sealed_body === undefined || this.#over) return undefined;
    const plaintext = this.#open(Buffer.from(frame.sealed_body, "base64url"), this.#received, true, "body");
    if (plaintext === undefined) return undefined;
    try {
      const body = JSON.parse(plaintext.toString("utf8")) as { error?: unknown };
      return body.error;
    } catch {
      return undefined;
    }
  }

  #read(event: SseEvent): void {
    if (this.#over) return;
    if (event.droppedBytes > 0) this.#taken(event.droppedBytes);
    if (event.data === undefined || event.data === "") {
      // A comment, a retry hint, a heartbeat without words: nothing for the consumer, but its bytes are granted back.
      this.#taken(event.bytes.length);
      return;
    }
    const reading = this.#deps.form.readEvent(event.data);
    this.#finished ||= reading.kind === "done" || (reading.kind === "content" && reading.finishes);
    switch (reading.kind) {
      case "content":
        return void this.#content.push(this.#chunk(event, reading.parsed));
      case "preamble":
      case "trailer":
        return this.#aside(this.#chunk(event, reading.parsed));
      case "done":
        return this.#taken(event.bytes.length);
      case "error":
        return this.#giveUp(failureOfStatus(reading.status, reading.error));
      case "malformed":
        return this.#giveUp(failureOfStatus(502));
    }
  }

  /** What is not content goes along with the content before it, or is told by itself. */
  #aside(chunk: Chunk): void {
    if (this.#content.length > 0) this.#content.push(chunk);
    else this.#push({ type: "preamble", chunk });
  }

  /** Tells the content that came together as one event: most of the work a stream costs is per event. */
  #flushContent(): void {
    if (this.#content.length === 0) return;
    const chunks = this.#content;
    this.#content = [];
    this.#noteContent();
    this.#push({ type: "content", chunks });
  }

  #noteContent(): void {
    const now = this.#deps.clock.now();
    if (!this.#seenContent) this.#deps.working();
    this.#deps.content(!this.#seenContent, now - this.#lastContentAt);
    this.#seenContent = true;
    this.#lastContentAt = now;
  }

  #chunk(event: SseEvent, parsed: unknown): Chunk {
    const { dialect, format } = this.#deps.form;
    return { dialect, bytes: event.bytes, parsed, ...(format === "body" ? { whole: true } : {}) };
  }

  /** The backend's fault, seen by us before the agent could tell: stop it and report. */
  #giveUp(failure: AttemptFailure): void {
    this.#stream?.cancel("superseded");
    this.#fail(failure);
  }

  #violation(reason: CloseReason): void {
    this.#fail(PROTOCOL_VIOLATION);
    this.#deps.violated(reason);
  }

  #fail(failure: AttemptFailure): void {
    // Of an answer that is one body nobody is shown a part.
    if (this.#deps.form.format === "body") this.#content = [];
    this.#flushContent();
    this.#terminal({ type: "failed", failure });
  }

  #terminal(event: Extract<AttemptEvent, { type: "end" | "failed" }>): void {
    if (this.#over) return;
    this.#push(event);
    this.#over = true;
    this.#completed = event.type === "end";
    this.#end(
      event.type === "end"
        ? { type: "completed", usage: event.usage }
        : { type: "failed", failure: event.failure, afterContent: this.#seenContent },
    );
  }

  #end(end: AttemptEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deps.ended(end);
  }

  #push(event: AttemptEvent): void {
    if (this.#over) return;
    if (this.#waiting === undefined) this.#events.push(event);
    else this.#resolve({ done: false, value: this.#counted(event) });
  }

  #next(): Promise<IteratorResult<AttemptEvent>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: this.#counted(event) });
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #resolve(result: IteratorResult<AttemptEvent>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(result);
  }

  #counted(event: AttemptEvent): AttemptEvent {
    if (this.#deps.form.format === "events") this.#taken(bytesOf(event));
    return event;
  }

  /** Grants in halves of the window: short answers cost no credit frame at all. */
  #taken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < LIMITS.initialCreditBytes / 2 || this.#over) return;
    this.#stream?.grant(this.#takenBytes);
    this.#outstandingBytes -= this.#takenBytes;
    this.#takenBytes = 0;
  }
}

function bytesOf(event: AttemptEvent): number {
  if (event.type === "preamble") return event.chunk.bytes.length;
  if (event.type !== "content") return 0;
  let bytes = 0;
  for (const chunk of event.chunks) bytes += chunk.bytes.length;
  return bytes;
}
