import type { AttemptId, CancelReason, ProviderId, Usage } from "@hearth/protocol";
import type { ProviderLink } from "../fleet/provider-link.js";
import type { Expectation, Lease } from "../selection/pick-result.js";
import type { Score } from "../selection/score-terms.js";
import type { ProviderAttempt } from "./attempt.js";
import type { AttemptEnd } from "./attempt-deps.js";
import type { Attempt, AttemptEvent, AttemptRole } from "./types.js";

/** How long each part of sending an attempt took, ms. */
export interface SendingTimes {
  readonly routeMs: number;
  readonly encryptMs: number;
  readonly dispatchMs: number;
}

/** What an attempt was sent with. */
export interface Sending {
  readonly attempt: ProviderAttempt;
  readonly role: AttemptRole;
  /** The build that was asked for. */
  readonly model: string;
  readonly link: ProviderLink;
  readonly lease: Lease;
  readonly expectation: Expectation;
  /** Why its provider was chosen. */
  readonly score: Score;
}

/** How an attempt ended, and when, ms on the coordinator's clock. */
export interface AttemptEnding {
  readonly end: AttemptEnd;
  readonly at: number;
}

/** An attempt that was sent, with all that is known of it: its part of the request's record. */
export class SentAttempt implements Attempt {
  readonly attempt: ProviderAttempt;
  readonly role: AttemptRole;
  readonly model: string;
  readonly link: ProviderLink;
  readonly lease: Lease;
  readonly expectation: Expectation;
  readonly score: Score;
  times: SendingTimes = { routeMs: 0, encryptMs: 0, dispatchMs: 0 };
  ending: AttemptEnding | undefined;
  #spent: Usage | undefined;
  #onSpent: ((usage: Usage) => void) | undefined;

  constructor({ attempt, role, model, link, lease, expectation, score }: Sending) {
    this.attempt = attempt;
    this.role = role;
    this.model = model;
    this.link = link;
    this.lease = lease;
    this.expectation = expectation;
    this.score = score;
  }

  /** What the provider of a cancelled attempt says it had spent. May come long after the end. */
  set spent(usage: Usage | undefined) {
    this.#spent = usage;
    if (usage !== undefined) this.#onSpent?.(usage);
  }

  get spent(): Usage | undefined {
    return this.#spent;
  }

  /** Calls `told` with what it had spent: now if that is known, else when it becomes known, if ever. */
  whenSpent(told: (usage: Usage) => void): void {
    if (this.#spent !== undefined) told(this.#spent);
    else this.#onSpent = told;
  }

  get id(): AttemptId {
    return this.attempt.id;
  }

  get provider(): ProviderId {
    return this.attempt.provider;
  }

  [Symbol.asyncIterator](): AsyncIterator<AttemptEvent> {
    return this.attempt[Symbol.asyncIterator]();
  }

  cancel(reason: CancelReason): void {
    this.attempt.cancel(reason);
  }
}
