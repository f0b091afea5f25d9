import { createChatCompletionsDialect } from "../api/chat-completions/dialect.js";
import { createCompletionsDialect } from "../api/completions/dialect.js";
import { createEmbeddingsDialect } from "../api/embeddings/dialect.js";
import { createMessagesDialect } from "../api/messages/dialect.js";
import { createResponsesDialect } from "../api/responses/dialect.js";
import type { Dialect, DialectContext } from "../request/consumer.js";
import type { InferenceRequest } from "../request/inference-request.js";

/** A route that takes inference requests, and the dialect spoken there. */
export interface InferenceEndpoint {
  readonly path: string;
  readonly dialect: (context: DialectContext) => Dialect<InferenceRequest>;
  /** Where the SDKs of this dialect look for the request's id. */
  readonly idHeaders: readonly string[];
}

const OPENAI_IDS = ["X-Request-Id"];

export const INFERENCE_ENDPOINTS: readonly InferenceEndpoint[] = [
  { path: "/v1/chat/completions", dialect: createChatCompletionsDialect, idHeaders: OPENAI_IDS },
  { path: "/v1/responses", dialect: createResponsesDialect, idHeaders: OPENAI_IDS },
  { path: "/v1/messages", dialect: createMessagesDialect, idHeaders: [...OPENAI_IDS, "request-id"] },
  { path: "/v1/completions", dialect: createCompletionsDialect, idHeaders: OPENAI_IDS },
  { path: "/v1/embeddings", dialect: createEmbeddingsDialect, idHeaders: OPENAI_IDS },
];
