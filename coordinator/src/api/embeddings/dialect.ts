import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { EmbeddingReply } from "./from-body.js";
import { type EmbeddingRequest, embeddingRequestSteps } from "./to-internal.js";

/** `POST /v1/embeddings` for one request. */
export function createEmbeddingsDialect(context: DialectContext): Dialect<EmbeddingRequest> {
  return {
    errorBody: (error) => openAiErrorBody(error, "input"),
    normalise: (raw) => inTurns(embeddingRequestSteps({ raw, ...context }), raw.length),
    reply: (request, consumer) => new EmbeddingReply(request, consumer),
  };
}
