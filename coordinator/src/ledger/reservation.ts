import type { MicroUsd } from "../platform/micro-usd.js";
import type { Insufficient, WorkPart } from "../store/ledger-store.js";

export type { WorkPart } from "../store/ledger-store.js";

export type ExtendOutcome =
  | { readonly type: "extended" }
  /** The store is away: the stream may go on up to there, once, and no further until the store is back. */
  | { readonly type: "on_credit" }
  /** The store is away, and it has been asked before, or nothing could be written down. */
  | { readonly type: "away" }
  /** The payer or the key has no more. */
  | Insufficient
  /** It is resolved: by the caller, or because it had expired. */
  | { readonly type: "closed" };

export type PostOutcome =
  | { readonly type: "posted"; readonly charged: MicroUsd; readonly lost: MicroUsd }
  /** The store is away, and will be told. */
  | { readonly type: "owed" }
  /** Somebody else has resolved it, or it was voided here before. */
  | { readonly type: "already"; readonly charged: MicroUsd }
  /** Neither store nor disk has taken it; it is told again as long as this process lives. */
  | { readonly type: "away" }
  /** Nobody ever tells it, as too much is owed: what was last told as delivered is charged when it has expired. */
  | { readonly type: "lost" };

/** What a reservation needs of the ledger that has made it. */
export interface ReservationHome {
  extend(reservation: Reservation, max: MicroUsd, used: readonly WorkPart[]): Promise<ExtendOutcome>;
  post(reservation: Reservation, parts: readonly WorkPart[]): Promise<PostOutcome>;
  void(reservation: Reservation): Promise<void>;
}

type State =
  | { readonly type: "open" }
  | { readonly type: "posted"; readonly outcome: Promise<PostOutcome> }
  | { readonly type: "voided"; readonly ended: Promise<void> };

/**
 * Money that is set aside for one request, until it is posted or voided: exactly one of them, the first. Disposing of one
 * that is open voids it.
 */
export class Reservation implements Disposable {
  readonly id: string;
  readonly #home: ReservationHome;
  #max: MicroUsd;
  #used: readonly WorkPart[] = [];
  #state: State = { type: "open" };
  /** One thing after the other: a post that overtakes an extension would find too little set aside. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(id: string, max: MicroUsd, home: ReservationHome) {
    this.id = id;
    this.#max = max;
    this.#home = home;
  }

  /** What may be spent without another extension. */
  get max(): MicroUsd {
    return this.#max;
  }

  /** What was last told as delivered. */
  get used(): readonly WorkPart[] {
    return this.#used;
  }

  get isOpen(): boolean {
    return this.#state.type === "open";
  }

  /** @param max the new total @param used what has been delivered by now, at its price */
  async extendTo(max: MicroUsd, used: readonly WorkPart[]): Promise<ExtendOutcome> {
    if (!this.isOpen) return { type: "closed" };
    this.#used = used;
    const outcome = await this.#inTurn(() => this.#home.extend(this, max, used));
    if ((outcome.type === "extended" || outcome.type === "on_credit") && max > this.#max) this.#max = max;
    return outcome;
  }

  /** Charges the work. A second post, whatever it says, has the outcome of the first. */
  post(parts: readonly WorkPart[]): Promise<PostOutcome> {
    if (this.#state.type === "posted") return this.#state.outcome;
    if (this.#state.type === "voided") return Promise.resolve({ type: "already", charged: 0n });
    const outcome = this.#inTurn(() => this.#home.post(this, parts));
    this.#state = { type: "posted", outcome };
    return outcome;
  }

  /** Gives everything back. After a post it does nothing. */
  void(): Promise<void> {
    if (this.#state.type === "voided") return this.#state.ended;
    if (this.#state.type === "posted") return Promise.resolve();
    const ended = this.#inTurn(() => this.#home.void(this));
    this.#state = { type: "voided", ended };
    return ended;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#before.then(work);
    this.#before = done.catch(() => {});
    return done;
  }

  [Symbol.dispose](): void {
    this.void().catch(() => {});
  }
}
