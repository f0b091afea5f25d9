import { maxCost } from "../ledger/cost.js";
import type { ReserveOutcome } from "../ledger/ledger.js";
import type { Price } from "../ledger/price-list.js";
import type { ExtendOutcome, Reservation, WorkPart } from "../ledger/reservation.js";
import { usdText } from "../platform/decimal-text.js";
import { HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";

/** The bounds of what a request may cost. */
export interface Terms {
  /** The dearest that it may be served at. */
  readonly price: Price;
  readonly promptTokens: number;
  /** Tokens of the answer that are paid ahead at first … */
  readonly firstTokens: number;
  /** … in all at most … */
  readonly mostTokens: number;
  /** … and in each further step. */
  readonly sliceTokens: number;
  /** What the platform pays at most beyond what was set aside. */
  readonly mostLoss: MicroUsd;
}

/** The part of a reservation that a payment uses. */
export type Reserved = Pick<Reservation, "max" | "extendTo" | "post" | "void">;

export interface PaymentHooks {
  /** The payment is settled and need not be watched any more. */
  ended(): void;
  /** More was to be set aside, and nobody knows why that failed. */
  failed(error: unknown): void;
}

/** The work that is being paid for. */
export interface PaidWork {
  /** A lower bound of the tokens written so far. */
  readonly writtenTokens: number;
  /** What is owed if nothing more comes. */
  delivered(): readonly WorkPart[];
}

/** The money of one request: set aside before it runs, extended while it does, settled once. Disposing returns it. */
export class Payment implements Disposable {
  readonly #reservation: Reserved;
  readonly #terms: Terms;
  readonly #hooks: PaymentHooks;
  readonly #callOff = new AbortController();
  #work: PaidWork | undefined;
  #unfollow: (() => void) | undefined;
  /** Tokens of the answer that are covered by the reservation. */
  #covered: number;
  #state: "open" | "extending" | "settled" = "open";
  #refusal: HearthError | undefined;

  constructor(reservation: Reserved, terms: Terms, hooks: PaymentHooks) {
    this.#reservation = reservation;
    this.#terms = terms;
    this.#hooks = hooks;
    this.#covered = terms.firstTokens;
  }

  /** Set if the request was called off because its money was not enough. */
  get refusal(): HearthError | undefined {
    return this.#refusal;
  }

  /**
   * Begins to watch the request, which runs now.
   *
   * @returns aborted with the given signal, or when the money is not enough to go on
   */
  follow(work: PaidWork, signal: AbortSignal): AbortSignal {
    this.#work = work;
    const stop = (): void => this.#callOff.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    this.#unfollow = () => signal.removeEventListener("abort", stop);
    return this.#callOff.signal;
  }

  /** Extends the reservation by a slice once no more than half of one is left of it. */
  look(): void {
    if (this.#work === undefined || this.#state !== "open") return;
    const { mostTokens, sliceTokens } = this.#terms;
    const { writtenTokens } = this.#work;
    if (this.#covered >= mostTokens || (this.#covered - writtenTokens) * 2 > sliceTokens) return;
    void this.#extend(this.#work, Math.min(mostTokens, Math.max(this.#covered, writtenTokens) + sliceTokens));
  }

  async #extend(work: PaidWork, tokens: number): Promise<void> {
    this.#state = "extending";
    const { price, promptTokens } = this.#terms;
    const most = maxCost(price, promptTokens, tokens);
    const extended = await this.#extendTo(most, this.#payable(work.delivered()));
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
        // An answer goes on for as long as it is covered.
        if (work.writtenTokens >= this.#covered) this.#stop(refusalOf(extended, most));
    }
  }

  /** Never rejects: the answer goes on as far as it is covered, and then it is asked again. */
  async #extendTo(most: MicroUsd, used: readonly WorkPart[]): Promise<ExtendOutcome> {
    try {
      return await this.#reservation.extendTo(most, used);
    } catch (error) {
      this.#hooks.failed(error);
      return { type: "away" };
    }
  }

  /** False if it was settled while the store was being asked. */
  #isExtending(): boolean {
    return this.#state === "extending";
  }

  #stop(error: HearthError): void {
    this.#refusal = error;
    this.#callOff.abort("superseded");
  }

  /** Tokens that the prompt can have come to, by our own estimate. */
  get mostPromptTokens(): number {
    return this.#terms.promptTokens;
  }

  /** What the consumer pays of each of some costs: together at most what was set aside, the first first. */
  chargesFor(costs: readonly MicroUsd[]): readonly MicroUsd[] {
    return within(this.#reservation.max, costs);
  }

  /** Pays for the work that was done and returns the rest. Resolves when that is stored. */
  async settle(parts: readonly WorkPart[]): Promise<void> {
    if (this.#state === "settled") return;
    this.#end();
    if (parts.length === 0) await this.#reservation.void();
    else await this.#reservation.post(this.#payable(parts));
  }

  /**
   * The work, each part at what its machine is paid for it: in all no more than was set aside, but for what the platform
   * bears. How much work it was is the machine's own word, and whoever asks may own the machine.
   */
  #payable(parts: readonly WorkPart[]): readonly WorkPart[] {
    const most = this.#reservation.max + this.#terms.mostLoss;
    const paid = within(
      most,
      parts.map(({ gross }) => gross),
    );
    return parts.map((part, n) => ({ ...part, gross: paid[n] ?? 0n }));
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

/** As much of each amount as there is left for it: together at most so much, the first first. */
function within(most: MicroUsd, amounts: readonly MicroUsd[]): MicroUsd[] {
  let left = most;
  return amounts.map((amount) => {
    const before = left;
    left -= amount;
    if (left >= 0n) return amount;
    left = 0n;
    return before;
  });
}

/**
 * The error of a request that cannot be paid, or no further.
 *
 * @param most what it may cost, as far as that has to be set aside now
 */
export function refusalOf(
  refused: Extract<ReserveOutcome | ExtendOutcome, { type: "insufficient" | "away" }>,
  most: MicroUsd,
): HearthError {
  switch (refused.type) {
    case "insufficient": {
      const whose = refused.limitedBy === "budget" ? "The budget of this API key" : "The account's money";
      const sums = `up to ${usdText(most)} has to be set aside, and ${usdText(refused.available)} is left`;
      const words = `${whose} does not reach for this request: ${sums}. With a smaller limit of tokens it may.`;
      return new HearthError("insufficient_quota", words, { quotaOf: refused.limitedBy });
    }
    case "away":
      return new HearthError("service_unavailable", "Nothing can be paid for now: try again in a moment.", {
        retryAfterSeconds: 5,
      });
  }
}
