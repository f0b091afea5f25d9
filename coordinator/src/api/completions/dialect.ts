import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { COST_IN_USAGE } from "../told-cost.js";
import { completionReply } from "./from-events.js";
import { type CompletionRequest, completionRequestSteps } from "./to-internal.js";

/** `POST /v1/completions` for one request. */
export function createCompletionsDialect(context: DialectContext): Dialect<CompletionRequest> {
  return {
    errorBody: (error) => openAiErrorBody(error, "prompt"),
    normalise: (raw) => inTurns(completionRequestSteps({ raw, ...context }), raw.length),
    reply: (request, consumer) => completionReply(request, consumer, context.clock),
    cost: COST_IN_USAGE,
  };
}
