import type { Clock } from "@hearth/platform";
import { LIMITS, type ReceiptText } from "@hearth/protocol";

/** Told of the receipt of a completed stream. Exactly one of the two is called, once. */
export interface AwaitedReceipt {
  came(receipt: ReceiptText): void;
  /** The receipt did not come in time, or the connection has ended. */
  missed(): void;
}

/** The completed streams of one connection whose receipts may still come. Bounded in time and number. */
export class AwaitedReceipts implements Disposable {
  readonly #clock: Clock;
  /** By stream, in the order of their ends. */
  readonly #awaited = new Map<number, { readonly receipt: AwaitedReceipt; readonly until: number }>();
  #timer: Disposable | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#awaited.size;
  }

  /** A stream has completed. @param receipt absent = its receipt is of no interest */
  expect(stream: number, receipt: AwaitedReceipt | undefined): void {
    if (receipt === undefined) return;
    const [oldest] = this.#awaited.keys();
    if (oldest !== undefined && this.#awaited.size >= LIMITS.receiptsAwaited) this.take(oldest)?.missed();
    this.#awaited.set(stream, { receipt, until: this.#clock.now() + LIMITS.receiptWaitMs });
    this.#timer ??= this.#clock.setTimer(LIMITS.receiptWaitMs, this.#due);
  }

  /** A receipt is here. @returns `undefined` if none is awaited for this stream, or no longer */
  take(stream: number): AwaitedReceipt | undefined {
    const awaited = this.#awaited.get(stream);
    this.#awaited.delete(stream);
    if (this.#awaited.size === 0) this.#disarm();
    return awaited?.receipt;
  }

  /** The connection has ended. */
  [Symbol.dispose](): void {
    for (const stream of [...this.#awaited.keys()]) this.take(stream)?.missed();
  }

  readonly #due = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [stream, { until }] of [...this.#awaited]) {
      if (until > now) {
        this.#timer = this.#clock.setTimer(until - now, this.#due);
        return;
      }
      this.take(stream)?.missed();
    }
  };

  #disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
