import type { KeyLimiter } from "../accounts/key-limits.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import { planFor } from "../selection/route-plan.js";
import { type AdmitDeps, admit, checkAllowed, checkEnabled, checkKnown } from "./admit.js";
import { AnnotatedConsumer } from "./annotated-consumer.js";
import { underAskedName } from "./asked-name.js";
import { paidWork } from "./billing.js";
import { allPromptTokens, type Caller, classify } from "./classify.js";
import type { Consumer, Dialect } from "./consumer.js";
import type { InferenceRequest } from "./inference-request.js";
import { patienceOf } from "./patience.js";
import type { Payment } from "./payment.js";
import type { Payments } from "./payments.js";
import { type QuoteDeps, quoteOf } from "./quote-of.js";
import { type RaceServices, raceChoices } from "./race-choices.js";
import { type Ending, type RelayHooks, relay } from "./relay.js";
import { type Entrance, RequestRecord } from "./request-record.js";
import type { Progress } from "./request-watch.js";
import { type SettleDeps, settle } from "./settle.js";
import type { TokenCalibration } from "./token-calibration.js";

/** A request as it came in, before its body was read. */
export interface IncomingRequest {
  readonly body: Buffer;
  readonly caller: Caller;
  readonly entrance: Entrance;
  /** Told how far it has come. */
  readonly progress: Progress;
  readonly dialect: Dialect<InferenceRequest>;
  readonly consumer: Consumer;
}

export interface RequestServices extends RaceServices, QuoteDeps {
  readonly admission: AdmitDeps;
  readonly settlement: SettleDeps;
  readonly calibration: Pick<TokenCalibration, "estimate">;
  readonly payments: Pick<Payments, "reserve">;
  readonly keyLimits: Pick<KeyLimiter, "enter">;
  /** How long the end of a stream waits for its receipt, ms. */
  readonly receiptWaitMs: number;
}

/**
 * START HERE. What happens to every inference request, whatever dialect it came in.
 *
 * @returns how it ended for the consumer, who has been told
 * @throws HearthError when it is refused before anything was dispatched; later failures are told to the consumer
 */
export async function handleRequest(
  services: RequestServices,
  { body, caller, entrance, progress, dialect, consumer }: IncomingRequest,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock } = services;
  const arrivedAt = clock.now();
  const read = dialect.normalise(body);
  const request = read instanceof Promise ? await read : read; // dialect → InferenceRequest
  const parsedAt = clock.now();
  progress.request = request;
  const traits = classify(request, caller, services.calibration); // shape, sizes, owner policy
  checkKnown(services.admission, traits);
  checkAllowed(caller.principal, traits);
  const catalog = services.admission.catalog();
  checkEnabled(catalog, traits);
  const plan = planFor(catalog, request.model);
  const quote = quoteOf(services, plan, traits); // the prices, for all of its time
  const mostTokens = allPromptTokens(request, traits) + traits.maxTokens * (request.choices ?? 1);
  const entering = services.keyLimits.enter(caller.principal, mostTokens, (headers) => consumer.setHeaders(headers));
  using entered = entering instanceof Promise ? await entering : entering;
  const reserving = services.payments.reserve({ request, caller, traits, quote }); // money set aside
  using payment = reserving instanceof Promise ? await reserving : reserving;
  const patienceMs = patienceOf(caller, catalog.aliases.get(request.model), services.policy);
  const wanted = { wanted: traits, plan, until: arrivedAt + patienceMs };
  const admission = await admit(services.admission, wanted, signal); // the fail-fast ladder; a slot leased
  const times = { arrivedAt, parsedAt, admittedAt: clock.now() };
  const record = new RequestRecord({ request, caller, entrance }, { ...admission, quote, payment }, times);
  progress.record = record;
  const running = payment?.follow(paidWork(record), signal) ?? signal;
  const stream = raceChoices(services, { record, consumer, patienceMs }, running); // one race for each answer that is wanted
  const { receiptWaitMs } = services;
  const annotated = new AnnotatedConsumer(consumer, { clock, receiptWaitMs, cost: dialect.cost }, record); // its end tells cost and receipts
  const reply = underAskedName(dialect.reply(request, annotated), record.plan);
  const ended = await relay(stream, reply, annotated, {
    undigested: (thrown, choice) => record.undigested(thrown, choice),
    settle(outcome) {
      entered.used(tokensOf(record, outcome));
      return settle(services.settlement, record, outcome);
    },
    ...(payment === undefined ? {} : paying(payment, record)),
    ...opening(services, request.stream),
  });
  await annotated.ended; // a stream ends with what its provider signs
  return ended;
}

/** The tokens that count towards the key's limits. */
function tokensOf({ writtenTokens }: RequestRecord, outcome: Outcome<SentAttempt>): number {
  if (outcome.type !== "success") return writtenTokens;
  return outcome.usage.prompt_tokens + outcome.usage.completion_tokens;
}

/** Counts what is delivered, and ends the stream when it can no longer be paid. */
function paying(payment: Payment, record: RequestRecord): Pick<RelayHooks<SentAttempt>, "delivered" | "calledOff"> {
  return {
    delivered: ({ choice = 0 }) => record.choices[choice]?.delivered(),
    calledOff: () => payment.refusal,
  };
}

/** If the operator wants it, opens a stream that takes long before its first content. */
function opening({ policy, clock }: RequestServices, stream: boolean): Pick<RelayHooks<SentAttempt>, "opensEarly"> {
  const { openStreamsAfterMs: afterMs } = policy;
  if (!stream || afterMs === undefined) return {};
  return { opensEarly: (open) => clock.setTimer(afterMs, open) };
}
