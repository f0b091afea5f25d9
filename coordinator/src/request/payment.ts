import { maxCost } from "../ledger/cost.js";
import type { ReserveOutcome } from "../ledger/ledger.js";
import type { Price } from "../ledger/price-list.js";
import type { ExtendOutcome, Reservation, WorkPart } from "../ledger/reservation.js";
import { dollarText } from "../platform/decimal-text.js";
import { HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";

/** What a request may come to. */
export interface Terms {
  /** The dearest that it may be served at. */
  readonly price: Price;
  readonly promptTokens: number;
  /** Of the answer, that are paid ahead at first … */
  readonly firstTokens: number;
  /** … that it may have at most … */
  readonly mostTokens: number;
  /** … and that are paid ahead at a time. */
  readonly sliceTokens: number;
}

/** What a payment needs of its reservation. */
export type Reserved = Pick<Reservation, "max" | "extendTo" | "post" | "void">;

export interface PaymentHooks {
  /** It is settled: nobody need look at it any more. */
  ended(): void;
}

/** What is being done for the money. */
export interface PaidWork {
  /** Tokens that have been written so far, at least. */
  readonly writtenTokens: number;
  /** What is owed should nothing more come. */
  delivered(): readonly WorkPart[];
}

/** The money of one request: set aside before it runs, extended while it does, settled once. Disposing gives it back. */
export class Payment implements Disposable {
  readonly #reservation: Reserved;
  readonly #terms: Terms;
  readonly #hooks: PaymentHooks;
  readonly #callOff = new AbortController();
  #work: PaidWork | undefined;
  #unfollow: (() => void) | undefined;
  /** Tokens of the answer that are paid ahead. */
  #covered: number;
  #state: "open" | "extending" | "settled" = "open";
  #refusal: HearthError | undefined;

  constructor(reservation: Reserved, terms: Terms, hooks: PaymentHooks) {
    this.#reservation = reservation;
    this.#terms = terms;
    this.#hooks = hooks;
    this.#covered = terms.firstTokens;
  }

  /** Why the request was called off: its money did not reach. */
  get refusal(): HearthError | undefined {
    return this.#refusal;
  }

  /**
   * The request runs now.
   *
   * @returns what calls it off: the given signal, or that its money does not reach any further
   */
  follow(work: PaidWork, signal: AbortSignal): AbortSignal {
    this.#work = work;
    const stop = (): void => this.#callOff.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    this.#unfollow = () => signal.removeEventListener("abort", stop);
    return this.#callOff.signal;
  }

  /** Sees to it that what is being written stays paid for. */
  look(): void {
    if (this.#work === undefined || this.#state !== "open") return;
    const { mostTokens, sliceTokens } = this.#terms;
    const { writtenTokens } = this.#work;
    if (this.#covered >= mostTokens || writtenTokens * 2 < this.#covered) return;
    void this.#extend(this.#work, Math.min(mostTokens, Math.max(this.#covered, writtenTokens) + sliceTokens));
  }

  async #extend(work: PaidWork, tokens: number): Promise<void> {
    this.#state = "extending";
    const { price, promptTokens } = this.#terms;
    const extended = await this.#reservation.extendTo(maxCost(price, promptTokens, tokens), work.delivered());
    if (!this.#isExtending()) return;
    this.#state = "open";
    switch (extended.type) {
      case "extended":
      case "on_credit":
      case "closed":
        this.#covered = tokens;
        return;
      case "insufficient":
      case "away":
        // What is paid for is delivered.
        if (work.writtenTokens >= this.#covered) this.#stop(refusalOf(extended));
    }
  }

  /** It may have been settled while the store was asked. */
  #isExtending(): boolean {
    return this.#state === "extending";
  }

  #stop(error: HearthError): void {
    this.#refusal = error;
    this.#callOff.abort("superseded");
  }

  /** What of a cost the consumer pays: no more than was set aside. */
  chargeFor(cost: MicroUsd): MicroUsd {
    const { max } = this.#reservation;
    return cost < max ? cost : max;
  }

  /** Takes what was done for it, and gives the rest back. Resolves when that is kept. */
  async settle(parts: readonly WorkPart[]): Promise<void> {
    if (this.#state === "settled") return;
    this.#end();
    if (parts.length === 0) await this.#reservation.void();
    else await this.#reservation.post(parts);
  }

  [Symbol.dispose](): void {
    if (this.#state === "settled") return;
    this.#end();
    void this.#reservation.void();
  }

  #end(): void {
    this.#state = "settled";
    this.#unfollow?.();
    this.#hooks.ended();
  }
}

/** Why a request is not served, or not any further. */
export function refusalOf(
  refused: Extract<ReserveOutcome | ExtendOutcome, { type: "insufficient" | "away" }>,
): HearthError {
  switch (refused.type) {
    case "insufficient": {
      const left = `$${dollarText(refused.available)} of it is left`;
      const words =
        refused.limitedBy === "budget"
          ? `The budget of this API key does not reach for this request: ${left}.`
          : `The account's money does not reach for this request: ${left}.`;
      return new HearthError("insufficient_quota", words);
    }
    case "away":
      return new HearthError("service_unavailable", "Nothing can be paid for now: try again in a moment.", {
        retryAfterSeconds: 5,
      });
  }
}
