import type { Clock } from "@hearth/platform";
import { type OpenAttemptDeps, openAttempt } from "../dispatch/open-attempt.js";
import { type PolicySettings, policyFor } from "../dispatch/policy.js";
import { race } from "../dispatch/race.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Logger } from "../platform/logger.js";
import { type AdmitDeps, admit } from "./admit.js";
import { answerHeaders } from "./answer-headers.js";
import { underAskedName } from "./asked-name.js";
import { type Caller, classify } from "./classify.js";
import type { Consumer, Dialect } from "./consumer.js";
import type { InferenceRequest } from "./inference-request.js";
import { patienceOf } from "./patience.js";
import { ReceiptedConsumer } from "./receipted-consumer.js";
import { type RelayHooks, relay } from "./relay.js";
import { RequestRecord } from "./request-record.js";
import { type SettleDeps, settle } from "./settle.js";
import type { TokenCalibration } from "./token-calibration.js";

/** A request as it came in: nobody has looked at the body yet. */
export interface IncomingRequest {
  readonly body: Buffer;
  readonly caller: Caller;
  readonly dialect: Dialect<InferenceRequest>;
  readonly consumer: Consumer;
  readonly log: Logger;
}

export interface RequestServices {
  readonly admission: AdmitDeps;
  readonly dispatch: OpenAttemptDeps;
  readonly settlement: SettleDeps;
  readonly calibration: Pick<TokenCalibration, "estimate">;
  /** How long the end of a stream waits for its receipt, ms. */
  readonly receiptWaitMs: number;
  readonly policy: PolicySettings;
  readonly clock: Clock;
}

/**
 * START HERE. What happens to every inference request, whatever dialect it came in.
 *
 * @throws HearthError when it is refused before anything was dispatched; later failures are told to the consumer
 */
export async function handleRequest(
  services: RequestServices,
  { body, caller, dialect, consumer, log }: IncomingRequest,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = services;
  const arrivedAt = clock.now();
  const read = dialect.normalise(body);
  const request = read instanceof Promise ? await read : read; // dialect → InferenceRequest
  const parsedAt = clock.now();
  const traits = classify(request, caller, services.calibration); // shape, sizes, owner policy
  const { policy: settings } = services;
  const alias = services.admission.catalog().aliases.get(request.model);
  const patienceMs = patienceOf(caller, alias, settings);
  const admission = await admit(services.admission, traits, arrivedAt + patienceMs, signal); // the fail-fast ladder; a place taken
  const record = new RequestRecord(request, caller, admission, { arrivedAt, parsedAt, admittedAt: clock.now() });
  const startAttempt = openAttempt(services.dispatch, record); // evaluate → choose → seal → send, anew for each attempt
  const committed = (winner: SentAttempt): void => {
    record.committed(winner);
    learn(services, record, winner);
    consumer.setHeaders(answerHeaders(record, winner, clock.now()));
  };
  const policy = policyFor(settings, { arrivedAt, patienceMs, hedgeDelayMs: hedgeDelayOf(services, record) });
  const stream = race({ startAttempt, committed, policy, clock }, signal);
  const receipted = new ReceiptedConsumer(consumer, clock, { waitMs: services.receiptWaitMs, of: record });
  const reply = underAskedName(dialect.reply(request, receipted), record.plan);
  await relay(stream, reply, receipted, {
    undigested: (thrown) => record.undigested(thrown),
    settle: (outcome) => settle(services.settlement, log, record, outcome),
    ...opening(services, request.stream),
  });
  await receipted.ended; // a stream ends with what its provider signs
}

/** Where the operator wants it: a stream that takes long to begin is opened before it does. */
function opening({ policy, clock }: RequestServices, stream: boolean): Pick<RelayHooks<SentAttempt>, "opensEarly"> {
  const { openStreamsAfterMs: afterMs } = policy;
  if (!stream || afterMs === undefined) return {};
  return { opensEarly: (open) => clock.setTimer(afterMs, open) };
}

function hedgeDelayOf({ dispatch }: RequestServices, { traits }: RequestRecord): number | "half_estimate" {
  return dispatch.hedging.history.hedgeDelayMs(traits.model, traits.promptTokens) ?? "half_estimate";
}

/** What the commit teaches for the requests to come. */
function learn({ dispatch, clock }: RequestServices, record: RequestRecord, winner: SentAttempt): void {
  const { hedging } = dispatch;
  hedging.history.observe(winner.model, record.traits.promptTokens, clock.now() - winner.attempt.startedAt);
  if (record.hedged) hedging.decided(record.traits.model, winner.role === "backup");
}
