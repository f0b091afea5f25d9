import type { Usage } from "@hearth/protocol";
import type { AttemptEnd } from "../dispatch/attempt-deps.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Quote } from "../ledger/price-list.js";
import type { Caller } from "../request/classify.js";
import type { InferenceRequest } from "../request/inference-request.js";
import type { Payment } from "../request/payment.js";
import { RequestRecord, type RequestTimes } from "../request/request-record.js";
import type { Lease, Picked, Verdict } from "../selection/pick-result.js";
import type { Score } from "../selection/score-terms.js";
import { fakeTraits } from "./fake-provider.js";

export const USAGE: Usage = { prompt_tokens: 7, completion_tokens: 3 };

const NO_TERMS = { connect: 0, load: 0, ahead: 0, prefill: 0, censored: 0, queue: 0, pending: 0, decode: 0 };
const FAKE_SCORE: Score = { total: 0, terms: { ...NO_TERMS, health: 0, reputation: 0, owner: 0 } };

/** A lease that remembers what was done with it. */
export interface WatchedLease extends Lease {
  readonly verdicts: Verdict[];
  readonly disposed: number;
}

export function watchedLease(): WatchedLease {
  const verdicts: Verdict[] = [];
  let disposed = 0;
  return {
    provider: "p" as Lease["provider"],
    probe: false,
    verdicts,
    get disposed() {
      return disposed;
    },
    report() {},
    judge: (verdict) => void verdicts.push(verdict),
    [Symbol.dispose]() {
      disposed += 1;
    },
  };
}

export function fakePicked(lease: Lease): Picked {
  const expectation = { expectedMs: 1, estimateMs: 10_000, byDefault: false };
  return { type: "picked", provider: lease.provider, lease, expectation, score: FAKE_SCORE, hedgeAtOnce: false };
}

/** The part of an attempt that a request's record and its settling look at. */
export interface FakeSent {
  readonly id?: string;
  readonly end?: AttemptEnd;
  readonly role?: SentAttempt["role"];
  readonly lease?: Lease;
  readonly link?: object;
  readonly model?: string;
  readonly attempt?: object;
  readonly whenSpent?: SentAttempt["whenSpent"];
  readonly times?: SentAttempt["times"];
}

export function fakeSent({
  end,
  role = "primary",
  lease = watchedLease(),
  attempt,
  ...rest
}: FakeSent = {}): SentAttempt {
  const expectation = { expectedMs: 1, estimateMs: 10_000, byDefault: false };
  const ending = end === undefined ? undefined : { end, at: 1 };
  const sent = {
    id: "att",
    provider: "p",
    model: "m",
    role,
    lease,
    expectation,
    ending,
    attempt: { progress: {}, ...attempt },
    link: {},
    ...rest,
  };
  return sent as unknown as SentAttempt;
}

export function fakeRecord(
  changes: {
    readonly request?: Partial<InferenceRequest>;
    readonly queuedMs?: number;
    readonly times?: RequestTimes;
    readonly quote?: Quote;
    readonly payment?: Payment;
  } = {},
): { readonly record: RequestRecord; readonly slot: WatchedLease } {
  const request = {
    id: "req",
    model: "m",
    needs: { tools: false, vision: false },
    ignored: [],
    promptTokens: 5,
    ...changes.request,
  };
  const slot = watchedLease();
  const admission = {
    traits: fakeTraits(),
    plan: { asked: "m", builds: ["m"] },
    slot: fakePicked(slot),
    queuedMs: changes.queuedMs ?? 0,
    quote: changes.quote,
    payment: changes.payment,
  };
  const times = changes.times ?? { arrivedAt: 0, parsedAt: 1, admittedAt: 2 };
  const caller = { account: "anna", principal: { account: "anna", keyId: "key_1", tags: {} } } as unknown as Caller;
  const entrance = { endpoint: "/v1/chat/completions", dialect: "chat_completions" } as const;
  const asked = { request: request as InferenceRequest, caller, entrance };
  return { record: new RequestRecord(asked, admission, times), slot };
}
