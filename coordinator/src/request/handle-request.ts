import { type OpenAttemptDeps, openAttempt } from "../dispatch/open-attempt.js";
import { type PolicySettings, policyFor } from "../dispatch/policy.js";
import { race } from "../dispatch/race.js";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import { type AdmitDeps, admit } from "./admit.js";
import { type Caller, classify } from "./classify.js";
import type { Consumer, Dialect } from "./consumer.js";
import type { InferenceRequest } from "./inference-request.js";
import { relay } from "./relay.js";
import { type SettleDeps, settle } from "./settle.js";

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
  const request = dialect.normalise(body); // dialect → InferenceRequest
  const traits = classify(request, caller); // shape, sizes, owner policy
  const reservation = admit(services.admission, traits); // the fail-fast ladder
  const startAttempt = openAttempt(services.dispatch, request, traits); // pick → seal → send; failures become events
  const policy = policyFor(services.policy, traits.promptTokens);
  const stream = race({ startAttempt, policy, clock: services.clock }, signal);
  const reply = dialect.reply(request, consumer);
  await relay(stream, reply, consumer, (outcome) => settle(services.settlement, log, reservation, outcome));
}
