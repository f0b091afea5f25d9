import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Logger } from "../platform/logger.js";
import { type AdmitDeps, admit, checkAllowed, checkKnown } from "./admit.js";
import { underAskedName } from "./asked-name.js";
import { type Caller, classify } from "./classify.js";
import type { Consumer, Dialect } from "./consumer.js";
import type { InferenceRequest } from "./inference-request.js";
import { patienceOf } from "./patience.js";
import { PricedConsumer } from "./priced-consumer.js";
import { type RaceServices, raceChoices } from "./race-choices.js";
import { ReceiptedConsumer } from "./receipted-consumer.js";
import { type Ending, type RelayHooks, relay } from "./relay.js";
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

export interface RequestServices extends RaceServices {
  readonly admission: AdmitDeps;
  readonly settlement: SettleDeps;
  readonly calibration: Pick<TokenCalibration, "estimate">;
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
  { body, caller, dialect, consumer, log }: IncomingRequest,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock } = services;
  const arrivedAt = clock.now();
  const read = dialect.normalise(body);
  const request = read instanceof Promise ? await read : read; // dialect → InferenceRequest
  const parsedAt = clock.now();
  const traits = classify(request, caller, services.calibration); // shape, sizes, owner policy
  checkKnown(services.admission, traits);
  checkAllowed(caller.principal, traits);
  const { policy: settings } = services;
  const alias = services.admission.catalog().aliases.get(request.model);
  const patienceMs = patienceOf(caller, alias, settings);
  const admission = await admit(services.admission, traits, arrivedAt + patienceMs, signal); // the fail-fast ladder; a place taken
  const record = new RequestRecord(request, caller, admission, { arrivedAt, parsedAt, admittedAt: clock.now() });
  const stream = raceChoices(services, { record, consumer, patienceMs }, signal); // one race for each answer that is wanted
  const receipted = new ReceiptedConsumer(consumer, clock, { waitMs: services.receiptWaitMs, of: record });
  const priced = new PricedConsumer(receipted, record, dialect.cost); // its end tells what it has cost
  const reply = underAskedName(dialect.reply(request, priced), record.plan);
  const ended = await relay(stream, reply, receipted, {
    undigested: (thrown, choice) => record.undigested(thrown, choice),
    settle: (outcome) => settle(services.settlement, log, record, outcome),
    ...opening(services, request.stream),
  });
  await receipted.ended; // a stream ends with what its provider signs
  return ended;
}

/** Where the operator wants it: a stream that takes long to begin is opened before it does. */
function opening({ policy, clock }: RequestServices, stream: boolean): Pick<RelayHooks<SentAttempt>, "opensEarly"> {
  const { openStreamsAfterMs: afterMs } = policy;
  if (!stream || afterMs === undefined) return {};
  return { opensEarly: (open) => clock.setTimer(afterMs, open) };
}
