import { type Clock, describeFault, repeat } from "@hearth/platform";
import { budgetOf } from "../ledger/budget-window.js";
import { maxCost } from "../ledger/cost.js";
import type { Ledger } from "../ledger/ledger.js";
import type { Price, Quote } from "../ledger/price-list.js";
import type { Logger } from "../platform/logger.js";
import type { Traits } from "../selection/traits.js";
import { allPromptTokens, type Caller } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import { Payment, refusalOf, type Terms } from "./payment.js";
import type { PaymentSettings } from "./payment-settings.js";

export interface PaymentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Pick<Ledger, "reserve">;
  /** Read at each use. */
  readonly settings: () => PaymentSettings;
}

/** A request that may have to be paid for. */
export interface Payable {
  readonly request: InferenceRequest;
  readonly caller: Caller;
  readonly traits: Traits;
  /** What it may cost; `undefined` = nothing has a price. */
  readonly quote: Quote | undefined;
}

/** Sets money aside for requests before they run, and more while they do. */
export class Payments implements Disposable {
  readonly #deps: PaymentDeps;
  /** Payments that may have to be extended. */
  readonly #watched = new Set<Payment>();
  #watching: Disposable | undefined;

  constructor(deps: PaymentDeps) {
    this.#deps = deps;
  }

  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
  }

  /**
   * Reserves what a request may cost at the dearest price that it may be served at: the prompt, and a slice of the answer, or all of
   * it where nobody can be cut off in between.
   *
   * @returns `undefined` where it costs nothing: nothing of it has a price, or only the caller's own machines may serve it
   * @throws HearthError `insufficient_quota`, `service_unavailable`
   */
  reserve({ request, caller, traits, quote }: Payable): undefined | Promise<Payment> {
    const price = caller.route === "self" ? undefined : quote?.dearest;
    return price === undefined
      ? undefined
      : this.#reserve(request, caller, termsOf(request, traits, price, this.#deps.settings()));
  }

  async #reserve(request: InferenceRequest, caller: Caller, terms: Terms): Promise<Payment> {
    const max = maxCost(terms.price, terms.promptTokens, terms.firstTokens);
    const { account, principal } = caller;
    const { id } = request;
    const budget = budgetOf(principal, this.#deps.clock.wallTime());
    const order = { id, requestId: id, account, payer: principal.payer, max, budget };
    const reserved = await this.#deps.ledger.reserve(order);
    if (reserved.type !== "reserved") throw refusalOf(reserved, max);
    const payment = new Payment(reserved.reservation, terms, {
      ended: () => void this.#watched.delete(payment),
      failed: (error) => this.#deps.log.error({ fault: describeFault(error) }, "reservation not extended"),
    });
    if (terms.firstTokens < terms.mostTokens) this.#watch(payment);
    return payment;
  }

  #watch(payment: Payment): void {
    this.#watched.add(payment);
    this.#watching ??= repeat(this.#deps.clock, this.#deps.settings().watchMs, () => this.#look());
  }

  #look(): void {
    for (const payment of this.#watched) payment.look();
    if (this.#watched.size > 0) return;
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
  }
}

function termsOf(
  request: InferenceRequest,
  traits: Traits,
  price: Price,
  { sliceTokens, promptFactor, mostLossMicroUsd }: PaymentSettings,
): Terms {
  const { maxTokens = Number.POSITIVE_INFINITY, delivery, choices = 1 } = request;
  const bounded = Number.isFinite(maxTokens);
  // An answer that comes as a whole may show no progress by which it could be extended in time.
  const first = delivery === "whole" && bounded ? maxTokens : Math.min(maxTokens, sliceTokens);
  return {
    price,
    promptTokens: Math.ceil(allPromptTokens(request, traits) * promptFactor),
    firstTokens: first * choices,
    mostTokens: maxTokens * choices,
    sliceTokens: sliceTokens * choices,
    mostLoss: BigInt(mostLossMicroUsd),
  };
}
