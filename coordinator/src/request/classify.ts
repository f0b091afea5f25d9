import type { Principal } from "../accounts/principal.js";
import { digestOf } from "../platform/digest.js";
import { shapeOf, type Traits } from "../selection/traits.js";
import type { InferenceRequest } from "./inference-request.js";
import { TokenCalibration } from "./token-calibration.js";

/** Who asks, and what the request's headers say about where it may run. */
export interface Caller {
  readonly account: string;
  /** What the key of the request stands for. */
  readonly principal: Principal;
  readonly allowlist: Traits["allowlist"];
  readonly route: Traits["route"];
  readonly minTrust?: Traits["minTrust"];
  /** How long the consumer asks to wait for the first content, ms; absent = it does not say. */
  readonly patienceMs?: number | undefined;
  /** After this its own program will have hung up, ms; absent = nobody knows. */
  readonly hangsUpAfterMs?: number | undefined;
  /** The consumer's own name for what the request belongs to. */
  readonly session?: string | undefined;
}

/** Answer length assumed where the consumer sets no bound, tokens. */
const DEFAULT_MAX_TOKENS = 1024;

const UNCALIBRATED = new TokenCalibration();

/**
 * What selection needs to know of the request.
 *
 * @param calibration of token estimates; without it they are taken as they are, and half of them as the least
 */
export function classify(
  request: InferenceRequest,
  caller: Caller,
  calibration: Pick<TokenCalibration, "estimate"> = UNCALIBRATED,
): Traits {
  const { account, allowlist, route, minTrust } = caller;
  const tokens = calibration.estimate(request.model, request.longestInputTokens ?? request.promptTokens);
  return {
    account,
    allowlist,
    route,
    minTrust,
    model: request.model,
    shape: shapeOf(request.needs),
    structuredOutput: request.needs.structuredOutput === true,
    logprobs: request.needs.logprobs === true,
    otherwise: request.needs.visionIsOptional ? shapeOf({ ...request.needs, vision: false }) : undefined,
    dialect: request.needs.dialect,
    promptTokens: tokens.expected,
    leastPromptTokens: tokens.least,
    maxTokens: request.maxTokens ?? DEFAULT_MAX_TOKENS,
    conversation: conversationOf(request, caller),
  };
}

/** A name that the consumer gave goes before what the messages tell, and says that more of it went before. */
function conversationOf(
  { model, conversation }: InferenceRequest,
  { account, session }: Caller,
): Traits["conversation"] {
  if (session !== undefined) return { id: digestOf("session", account, model, session), continued: true };
  if (conversation === undefined) return undefined;
  return { id: digestOf("opening", account, model, conversation.opening), continued: conversation.continued };
}
