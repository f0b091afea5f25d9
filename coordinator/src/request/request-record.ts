import type { SignedEntry } from "@hearth/attestation";
import type { RequestId } from "@hearth/protocol";
import { PROTOCOL_VIOLATION, toError } from "../dispatch/failures.js";
import type { AttemptedRequest } from "../dispatch/open-attempt.js";
import type { OutboundRequest } from "../dispatch/outbound-request.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Success } from "../dispatch/types.js";
import type { Quote } from "../ledger/price-list.js";
import type { HearthError } from "../platform/errors.js";
import type { MicroUsd } from "../platform/micro-usd.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { Picked } from "../selection/pick-result.js";
import type { RoutePlan } from "../selection/route-plan.js";
import type { Traits } from "../selection/traits.js";
import type { Admission } from "./admit.js";
import type { Trailer } from "./annotated-consumer.js";
import type { Caller } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import type { Payment } from "./payment.js";

/** Where a request came in: the route, and the dialect that is spoken there. */
export interface Entrance {
  readonly endpoint: string;
  readonly dialect: string;
}

/** Who asks for what, and where. */
export interface Asked {
  readonly request: InferenceRequest;
  readonly caller: Caller;
  readonly entrance: Entrance;
}

/** When a request's first steps were over, ms on the coordinator's clock. */
export interface RequestTimes {
  readonly arrivedAt: number;
  readonly parsedAt: number;
  readonly admittedAt: number;
}

/** What a request was admitted to, at which prices, and what pays for it. */
export interface Admitted extends Admission {
  /** The prices as they stood when it came; `undefined` = nothing has any. */
  readonly quote: Quote | undefined;
  /** `undefined` = it costs nothing. */
  readonly payment: Payment | undefined;
}

/** One of the answers that a request asks for, and its attempts: they race for it alone. */
export class ChoiceRecord implements AttemptedRequest {
  /** The request for this one answer, under an id of its own. */
  readonly request: OutboundRequest;
  readonly traits: Traits;
  readonly plan: RoutePlan;
  readonly trace: TraceContext | undefined;
  readonly #all: SentAttempt[];
  #slot: Picked | undefined;
  #winner: SentAttempt | undefined;
  #committedAt: number | undefined;
  #deliveredChunks = 0;
  #answer: Success<SentAttempt> | undefined;
  #hedged = false;
  #lastUnplaced: HearthError | undefined;

  /** @param all the attempts of the whole request, added to */
  constructor({ request, traits, plan, caller }: RequestRecord, choice: number, slot: Picked, all: SentAttempt[]) {
    this.request = requestFor(request, choice);
    this.traits = traits;
    this.plan = plan;
    this.trace = caller.trace;
    this.#slot = slot;
    this.#all = all;
  }

  /** A backup was among the attempts. */
  get hedged(): boolean {
    return this.#hedged;
  }

  /** The attempt whose answer the consumer gets. */
  get winner(): SentAttempt | undefined {
    return this.#winner;
  }

  /** `undefined` until it is complete. */
  get answer(): Success<SentAttempt> | undefined {
    return this.#answer;
  }

  takeSlot(): Picked | undefined {
    const slot = this.#slot;
    this.#slot = undefined;
    return slot;
  }

  add(sent: SentAttempt): void {
    this.#all.push(sent);
    if (sent.role === "backup") this.#hedged = true;
  }

  unplaced(error: HearthError): void {
    this.#lastUnplaced = error;
  }

  /** Why nobody could take the latest attempt that was wanted in place of another; `undefined` = none was in vain. */
  get lastUnplaced(): HearthError | undefined {
    return this.#lastUnplaced;
  }

  /** When its first content came, ms on the coordinator's clock. */
  get committedAt(): number | undefined {
    return this.#committedAt;
  }

  /** From now on the consumer gets this attempt's answer. */
  committed(winner: SentAttempt, now: number): void {
    this.#winner = winner;
    this.#committedAt = now;
  }

  /** A chunk of its answer has been handed to the consumer. */
  delivered(): void {
    this.#deliveredChunks += 1;
  }

  /** Tokens of its answer that the consumer has got, at least. */
  get deliveredTokens(): number {
    return Math.min(this.#deliveredChunks, this.#winner?.attempt.progress.writtenTokens ?? 0);
  }

  answered(answer: Success<SentAttempt>): void {
    this.#answer = answer;
  }
}

/** The first goes out as the request itself; the others are `req_…-2`, `req_…-3` and so on, also in their receipts. */
function requestFor(request: InferenceRequest, choice: number): OutboundRequest {
  if (choice === 0) return request;
  return {
    ...request,
    id: `${request.id}-${choice + 1}` as RequestId,
    form: (able, build) => request.form(able, build, choice),
  };
}

/** All that is known of an admitted request: who asked for what, where it may run, and every attempt at it. */
export class RequestRecord {
  readonly request: InferenceRequest;
  readonly caller: Caller;
  readonly entrance: Entrance;
  readonly traits: Traits;
  readonly plan: RoutePlan;
  readonly queuedMs: number;
  readonly times: RequestTimes;
  /** The prices as they stood when it came; `undefined` = nothing has any. */
  readonly quote: Quote | undefined;
  readonly payment: Payment | undefined;
  #cost: MicroUsd | undefined;
  readonly #attempts: SentAttempt[] = [];
  readonly #choices: ChoiceRecord[] = [];
  readonly #trailers: Trailer[] = [];
  /** The first of its answers: most requests ask for one. */
  readonly first: ChoiceRecord;

  constructor({ request, caller, entrance }: Asked, admission: Admitted, times: RequestTimes) {
    this.request = request;
    this.caller = caller;
    this.entrance = entrance;
    this.times = times;
    this.traits = admission.traits;
    this.plan = admission.plan;
    this.queuedMs = admission.queuedMs;
    this.quote = admission.quote;
    this.payment = admission.payment;
    this.first = this.choose(admission.slot);
  }

  /** The answers that have been begun. */
  get choices(): readonly ChoiceRecord[] {
    return this.#choices;
  }

  /** Begins with one more answer. */
  choose(slot: Picked): ChoiceRecord {
    const choice = new ChoiceRecord(this, this.#choices.length, slot, this.#attempts);
    this.#choices.push(choice);
    return choice;
  }

  /** In the order in which they were sent. */
  get attempts(): readonly SentAttempt[] {
    return this.#attempts;
  }

  /**
   * Our own code threw over what the winner had said: that counts as its provider's fault, also where it has ended.
   *
   * @param choice whose answer it was
   * @returns what the consumer is told
   */
  undigested(thrown: unknown, choice = 0): HearthError {
    this.#choices[choice]?.winner?.attempt.undigested(thrown);
    return toError(PROTOCOL_VIOLATION);
  }

  /** It is over, and this is what its consumer pays for it. */
  charged(cost: MicroUsd): void {
    this.#cost = cost;
  }

  /** What it has cost; `undefined` until it is over, and where nothing has a price. */
  get cost(): MicroUsd | undefined {
    return this.#cost;
  }

  /** Tokens that have been written for its consumer so far, at least: of a race, by whoever is furthest. */
  get writtenTokens(): number {
    let tokens = 0;
    let furthest = 0;
    for (const { winner } of this.#choices) tokens += winner?.attempt.progress.writtenTokens ?? 0;
    for (const { attempt } of this.#attempts) furthest = Math.max(furthest, attempt.progress.writtenTokens);
    return Math.max(tokens, furthest);
  }

  /** An answer is complete, and its provider signs for it. */
  signedBy(requestId: RequestId, receipt: Promise<SignedEntry | undefined>): void {
    this.#trailers.push({ requestId, receipt });
  }

  /** What a stream of it ends with; none = nobody signs for it. */
  get trailers(): readonly Trailer[] {
    return this.#trailers;
  }
}
