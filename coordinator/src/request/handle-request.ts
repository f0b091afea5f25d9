import type { Clock } from "@hearth/platform";
import { PROTOCOL_VIOLATION } from "../dispatch/failures.js";
import { type OpenAttemptDeps, openAttempt } from "../dispatch/open-attempt.js";
import { type PolicySettings, policyFor } from "../dispatch/policy.js";
import { race, toError } from "../dispatch/race.js";
import type { Attempt } from "../dispatch/types.js";
import type { KnownModels } from "../fleet/known-models.js";
import type { Logger } from "../platform/logger.js";
import { type AdmitDeps, admit, type Reservation } from "./admit.js";
import { type Caller, classify } from "./classify.js";
import type { Consumer, Dialect } from "./consumer.js";
import type { InferenceRequest } from "./inference-request.js";
import type { ReceiptBook } from "./receipt-book.js";
import { ReceiptedConsumer } from "./receipted-consumer.js";
import { relay } from "./relay.js";
import { type SettleDeps, settle } from "./settle.js";
import { RequestTrace } from "./trace.js";

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
  readonly receipts: Pick<ReceiptBook, "keep">;
  /** How long the end of a stream waits for its receipt, ms. */
  readonly receiptWaitMs: number;
  readonly knownModels: Pick<KnownModels, "answered">;
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
  const { clock, dispatch } = services;
  const trace = new RequestTrace(clock);
  const read = dialect.normalise(body);
  const request = read instanceof Promise ? await read : read; // dialect → InferenceRequest; tool schemas repaired
  trace.parsed();
  const wanted = classify(request, caller); // shape, sizes, owner policy
  const reservation = await admit(services.admission, wanted, signal); // the fail-fast ladder; a place taken
  trace.reserved(reservation.queuedMs);
  const { traits, takePlace } = reservation;
  const startAttempt = openAttempt(dispatch, { request, traits, takePlace, sent: (sent) => trace.sent(sent) });
  let answering: Attempt | undefined;
  const committed = (winner: Attempt): void => {
    answering = winner;
    learn(dispatch, reservation, trace, winner);
    consumer.setHeaders(trace.headers(winner, request.id));
  };
  const policy = policyFor(services.policy, request.promptTokens, hedgeDelayOf(services, reservation));
  const stream = race({ startAttempt, committed, policy, clock }, signal);
  const receipted = new ReceiptedConsumer(consumer, clock, services.receiptWaitMs); // a stream ends with what its provider signs
  const reply = dialect.reply(request, receipted);
  await relay(stream, reply, receipted, {
    undigested(thrown) {
      const sent = answering === undefined ? undefined : trace.find(answering);
      sent?.attempt.undigested(thrown);
      return toError(PROTOCOL_VIOLATION);
    },
    settle(outcome) {
      settle(services.settlement, log, reservation, outcome);
      const served = trace.served(outcome);
      if (served === undefined || outcome.type !== "success") return;
      services.knownModels.answered(served.session, traits.model);
      services.receipts.keep(request.id, caller.account, served, outcome.usage);
      const { receipt } = served.attempt;
      if (receipt !== undefined) receipted.trailer = { requestId: request.id, receipt };
    },
  });
  await receipted.ended;
}

/** A probe may hedge at once: it finds out about a provider, and its consumer need not pay for that. */
function hedgeDelayOf({ policy, dispatch }: RequestServices, { traits, probe }: Reservation): number {
  if (probe) return 0;
  const { ttftDeadlineMs } = policyFor(policy, traits.promptTokens);
  return dispatch.hedging.history.hedgeDelayMs(traits.model, traits.promptTokens, ttftDeadlineMs);
}

/** What the commit teaches for the requests to come. */
function learn(
  { hedging, clock }: OpenAttemptDeps,
  { traits }: Reservation,
  trace: RequestTrace,
  winner: Attempt,
): void {
  const sent = trace.find(winner);
  if (sent === undefined) return;
  hedging.history.observe(traits.model, traits.promptTokens, clock.now() - sent.attempt.startedAt);
  if (trace.hedged) hedging.decided(sent.role === "backup");
}
