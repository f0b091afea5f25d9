import type { SignedEntry } from "@hearth/attestation";
import { PROTOCOL_VIOLATION } from "../dispatch/failures.js";
import type { AttemptBook } from "../dispatch/open-attempt.js";
import { toError } from "../dispatch/race.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { HearthError } from "../platform/errors.js";
import type { Picked } from "../selection/pick-result.js";
import type { RoutePlan } from "../selection/route-plan.js";
import type { Traits } from "../selection/traits.js";
import type { Admission } from "./admit.js";
import type { Caller } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import type { Trailer } from "./receipted-consumer.js";

/** When a request's first steps were over, ms on the coordinator's clock. */
export interface RequestTimes {
  readonly arrivedAt: number;
  readonly parsedAt: number;
  readonly admittedAt: number;
}

/** All that is known of an admitted request: who asked for what, where it may run, and every attempt at it. */
export class RequestRecord implements AttemptBook {
  readonly request: InferenceRequest;
  readonly caller: Caller;
  readonly traits: Traits;
  readonly plan: RoutePlan;
  readonly queuedMs: number;
  readonly times: RequestTimes;
  readonly #attempts: SentAttempt[] = [];
  #place: Picked | undefined;
  #winner: SentAttempt | undefined;
  #trailer: Trailer | undefined;

  constructor(request: InferenceRequest, caller: Caller, admission: Admission, times: RequestTimes) {
    this.request = request;
    this.caller = caller;
    this.times = times;
    this.traits = admission.traits;
    this.plan = admission.plan;
    this.queuedMs = admission.queuedMs;
    this.#place = admission.place;
  }

  /** In the order in which they were sent. */
  get attempts(): readonly SentAttempt[] {
    return this.#attempts;
  }

  /** A backup was among the attempts. */
  get hedged(): boolean {
    return this.#attempts.some(({ role }) => role === "backup");
  }

  /** The attempt whose answer the consumer gets. */
  get winner(): SentAttempt | undefined {
    return this.#winner;
  }

  takePlace(): Picked | undefined {
    const place = this.#place;
    this.#place = undefined;
    return place;
  }

  add(sent: SentAttempt): void {
    this.#attempts.push(sent);
  }

  /** From here on the consumer gets this attempt's answer. */
  committed(winner: SentAttempt): void {
    this.#winner = winner;
  }

  /**
   * Our own code threw over what the winner had said: that counts as its provider's fault, also where it has ended.
   *
   * @returns what the consumer is told
   */
  undigested(thrown: unknown): HearthError {
    this.#winner?.attempt.undigested(thrown);
    return toError(PROTOCOL_VIOLATION);
  }

  /** The answer is complete, and its provider signs for it. */
  signedBy(receipt: Promise<SignedEntry | undefined>): void {
    this.#trailer = { requestId: this.request.id, receipt };
  }

  /** What a stream of it ends with; absent = nobody signs for it. */
  get trailer(): Trailer | undefined {
    return this.#trailer;
  }
}
