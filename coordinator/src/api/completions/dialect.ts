import type { Dialect, DialectContext } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { completionReply } from "./from-events.js";
import { type CompletionRequest, toCompletionRequest } from "./to-internal.js";

/** `POST /v1/completions` for one request. */
export function createCompletionsDialect(context: DialectContext): Dialect<CompletionRequest> {
  return {
    errorBody: openAiErrorBody,
    normalise: (body) => toCompletionRequest(body, context.id),
    reply: (request, consumer) => completionReply(request, consumer, context.clock),
  };
}
