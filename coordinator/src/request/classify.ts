import type { Principal } from "../accounts/principal.js";
import { digestOf } from "../platform/digest.js";
import type { TraceContext } from "../platform/trace-context.js";
import { shapeOf, type Traits } from "../selection/traits.js";
import type { InferenceRequest } from "./inference-request.js";
import { TokenCalibration } from "./token-calibration.js";

/** The caller, and what the headers of the request say about how to serve it. */
export interface Caller {
  readonly account: string;
  /** What the key of the request stands for. */
  readonly principal: Principal;
  readonly allowlist: Traits["allowlist"];
  readonly route: Traits["route"];
  readonly minTrust?: Traits["minTrust"];
  /** How long the consumer wants to wait for the first content, ms. Absent = it does not say. */
  readonly patienceMs?: number | undefined;
  /** After this time the consumer's program will hang up, ms. Absent = not known. */
  readonly hangsUpAfterMs?: number | undefined;
  /** The consumer's own name for what the request belongs to. */
  readonly session?: string | undefined;
  /** What the caller calls the request; absent = it does not say. */
  readonly clientId?: string | undefined;
  /** Absent = nobody traces the request. */
  readonly trace?: TraceContext | undefined;
}

/** Assumed bound on the answer when the consumer sets none, tokens. */
const DEFAULT_MAX_TOKENS = 1024;

const UNCALIBRATED = new TokenCalibration();

/**
 * What selection needs to know of the request.
 *
 * @param calibration of token estimates; without it estimates stand as they are, and half of them is the lower bound
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

/** What all of a request's inputs come to, tokens; where its traits tell of the longest alone, in proportion. */
export function allPromptTokens(
  { promptTokens, longestInputTokens }: Pick<InferenceRequest, "promptTokens" | "longestInputTokens">,
  traits: Pick<Traits, "promptTokens">,
): number {
  if (longestInputTokens === undefined || longestInputTokens === 0) return traits.promptTokens;
  return Math.ceil((traits.promptTokens * promptTokens) / longestInputTokens);
}

/** A session name of the consumer's takes precedence over what the messages tell, and implies earlier requests. */
function conversationOf(
  { model, conversation }: InferenceRequest,
  { account, session }: Caller,
): Traits["conversation"] {
  if (session !== undefined) return { id: digestOf("session", account, model, session), continued: true };
  if (conversation === undefined) return undefined;
  return { id: digestOf("opening", account, model, conversation.opening), continued: conversation.continued };
}
