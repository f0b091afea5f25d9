import type { Dialect, DialectContext } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { EmbeddingReply } from "./from-body.js";
import { type EmbeddingRequest, toEmbeddingRequest } from "./to-internal.js";

/** `POST /v1/embeddings` for one request. */
export function createEmbeddingsDialect(context: DialectContext): Dialect<EmbeddingRequest> {
  return {
    errorBody: openAiErrorBody,
    normalise: (body) => toEmbeddingRequest(body, context.id),
    reply: (request, consumer) => new EmbeddingReply(request, consumer),
  };
}
