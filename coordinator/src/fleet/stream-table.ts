import { BoundedMap, type Clock } from "@hearth/platform";
import {
  type CancelReason,
  type CoordinatorFrame,
  type ErrorFrame,
  LIMITS,
  MAX_U32,
  type ProviderFrame,
  type ReceiptFrame,
  type WorkingFrame,
} from "@hearth/protocol";
import { AwaitedReceipts } from "./awaited-receipts.js";
import type { ProviderStream, StreamListener } from "./provider-link.js";
import { clampUsage, type UsageBounds } from "./usage-bounds.js";

/** What is told to the provider of one stream, once that is open. */
export type StreamControl = Extract<CoordinatorFrame, { readonly type: "credit" | "cancel" }>;

/** What may come on a stream any number of times. */
type Listening = Pick<StreamListener, "data" | "working">;

/** Hears what was on its way when its stream was cancelled. */
const NOBODY: Listening = { data() {}, working() {} };

type CompleteFrame = Extract<ProviderFrame, { readonly type: "complete" }>;

/** How long after a cancel the provider may still send frames of that stream before they count as foreign, ms. */
const CANCEL_GRACE_MS = 30_000;
/** Listeners that wait for a cancel to be confirmed: as many as can be cancelled at once. What they hold stays so long. */
const MAX_UNCONFIRMED = LIMITS.streamsPerConnection;

/** Who waits for a cancel to be confirmed. */
interface Unconfirmed {
  readonly listener: StreamListener;
  /** The most that the stream can have cost when it was cancelled. */
  readonly bounds: UsageBounds;
}

/**
 * The streams of one connection: who hears what the provider says of which. Each method that takes a frame returns
 * `false` for a stream that is neither open nor lately cancelled: the provider speaks of what it was never asked.
 */
export class StreamTable {
  readonly #clock: Clock;
  readonly #send: (frame: StreamControl) => void;
  readonly #open = new Map<number, StreamListener>();
  /** Frames of these that were on their way do no harm, until the timer fires. */
  readonly #cancelled = new Map<number, Disposable>();
  readonly #unconfirmed = new BoundedMap<number, Unconfirmed>(MAX_UNCONFIRMED);
  readonly #receipts: AwaitedReceipts;
  #nextStream = 1;

  constructor(clock: Clock, send: (frame: StreamControl) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#receipts = new AwaitedReceipts(clock);
  }

  /** Open streams. */
  get size(): number {
    return this.#open.size;
  }

  /** The number of the stream that is opened next; `undefined` = there is room for none. */
  get next(): number | undefined {
    const isFull = this.#open.size >= LIMITS.streamsPerConnection || this.#nextStream > MAX_U32;
    return isFull ? undefined : this.#nextStream;
  }

  /** Opens the stream of the number that `next` tells: what comes of it goes to the listener. */
  open(listener: StreamListener): ProviderStream {
    const stream = this.#nextStream++;
    this.#open.set(stream, listener);
    return {
      grant: (bytes) => {
        if (this.#open.has(stream)) this.#send({ type: "credit", stream, bytes });
      },
      cancel: (reason) => this.#cancel(stream, reason),
    };
  }

  /** Who hears what comes on a stream while it runs; `undefined` where the provider speaks of what it was never asked. */
  listening(stream: number): Listening | undefined {
    return this.#open.get(stream) ?? (this.#cancelled.has(stream) ? NOBODY : undefined);
  }

  working({ stream, sign, counter, scope = "request" }: WorkingFrame): boolean {
    const listener = this.listening(stream);
    listener?.working(sign, counter, scope);
    return listener !== undefined;
  }

  complete(frame: CompleteFrame): boolean {
    const listener = this.#take(frame.stream);
    if (listener === undefined) return this.#confirmed(frame);
    this.#receipts.expect(frame.stream, listener.complete(frame.usage));
    return true;
  }

  failed(frame: ErrorFrame): boolean {
    const listener = this.#take(frame.stream);
    if (listener === undefined) return this.#confirmed(frame);
    listener.failed(frame);
    return true;
  }

  /**
   * @returns `false` when nobody awaits it, which harms nobody: its stream was cancelled while it was on its way, or it
   * came too late
   */
  receipt({ stream, blob, batch }: ReceiptFrame): boolean {
    const awaited = this.#receipts.take(stream);
    awaited?.came({ blob, batch });
    return awaited !== undefined;
  }

  /**
   * The connection has ended: no receipt and no confirmation comes any more.
   *
   * @returns the listeners of the streams that were open, for the caller to tell that they are lost
   */
  end(): readonly StreamListener[] {
    for (const stream of [...this.#cancelled.keys()]) this.#forget(stream);
    this.#receipts[Symbol.dispose]();
    const listeners = [...this.#open.values()];
    this.#open.clear();
    return listeners;
  }

  /** Takes an open stream out of the table. */
  #take(stream: number): StreamListener | undefined {
    const listener = this.#open.get(stream);
    this.#open.delete(stream);
    return listener;
  }

  #cancel(stream: number, reason: CancelReason): void {
    const listener = this.#take(stream);
    if (listener === undefined) return;
    const grace = this.#clock.setTimer(CANCEL_GRACE_MS, () => this.#forget(stream));
    this.#cancelled.set(stream, grace);
    this.#unconfirmed.set(stream, { listener, bounds: listener.usageBounds() });
    this.#send({ type: "cancel", stream, reason });
  }

  /** The end of a stream that was cancelled: the cancel has arrived, or the two have crossed. */
  #confirmed({ type: ended, stream, usage }: CompleteFrame | ErrorFrame): boolean {
    if (!this.#cancelled.has(stream)) return false;
    const waiting = this.#unconfirmed.get(stream);
    this.#forget(stream);
    if (waiting === undefined) return true;
    const counted = usage === undefined ? undefined : clampUsage(usage, waiting.bounds);
    waiting.listener.cancelConfirmed({ ended, spent: counted?.usage, clamped: counted?.clamped ?? [] });
    return true;
  }

  #forget(stream: number): void {
    this.#cancelled.get(stream)?.[Symbol.dispose]();
    this.#cancelled.delete(stream);
    this.#unconfirmed.delete(stream);
  }
}
