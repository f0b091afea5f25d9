import {
  chatCompletionAnswerSchema,
  chatCompletionChunkSchema,
  completionAnswerSchema,
  embeddingAnswerSchema,
  messageEventSchema,
  messageSchema,
  messagesErrorSchema,
  responseEventSchema,
  responseSchema,
} from "../api/answer-schemas.js";
import { createChatCompletionsDialect } from "../api/chat-completions/dialect.js";
import { chatCompletionSchema } from "../api/chat-completions/parse.js";
import { createCompletionsDialect } from "../api/completions/dialect.js";
import { completionSchema } from "../api/completions/parse.js";
import { createEmbeddingsDialect } from "../api/embeddings/dialect.js";
import { embeddingSchema } from "../api/embeddings/parse.js";
import { createMessagesDialect } from "../api/messages/dialect.js";
import { createMessageSchema } from "../api/messages/parse.js";
import { createResponsesDialect } from "../api/responses/dialect.js";
import { createResponseSchema } from "../api/responses/parse.js";
import type { Dialect, DialectContext } from "../request/consumer.js";
import type { InferenceRequest } from "../request/inference-request.js";
import { named } from "./openapi/named-schemas.js";
import type { Operation } from "./openapi/operation.js";

/** A route that takes inference requests, and the dialect spoken there. */
export interface InferenceEndpoint {
  readonly path: string;
  readonly dialect: (context: DialectContext) => Dialect<InferenceRequest>;
  /** Where the SDKs of this dialect look for the request's id. */
  readonly idHeaders: readonly string[];
  readonly operation: Operation;
}

const OPENAI_IDS = ["X-Request-Id"];
/** What is so of every such route. */
const COMMON = { audience: "Inference", directed: true, sealable: true } as const;

export const INFERENCE_ENDPOINTS: readonly InferenceEndpoint[] = [
  {
    path: "/v1/chat/completions",
    dialect: createChatCompletionsDialect,
    idHeaders: OPENAI_IDS,
    operation: {
      ...COMMON,
      id: "createChatCompletion",
      summary: "Answer a conversation",
      description: "OpenAI's Chat Completions. Members that are not known are left out and named in X-Hearth-Ignored.",
      request: named("CreateChatCompletionRequest", chatCompletionSchema),
      answer: named("ChatCompletion", chatCompletionAnswerSchema),
      event: named("ChatCompletionChunk", chatCompletionChunkSchema),
    },
  },
  {
    path: "/v1/responses",
    dialect: createResponsesDialect,
    idHeaders: OPENAI_IDS,
    operation: {
      ...COMMON,
      id: "createResponse",
      summary: "Answer input with items",
      description:
        "OpenAI's Responses. Answers are kept for a while unless `store` is false: see `previous_response_id`.",
      request: named("CreateResponseRequest", createResponseSchema),
      answer: named("Response", responseSchema),
      event: named("ResponseEvent", responseEventSchema),
    },
  },
  {
    path: "/v1/messages",
    dialect: createMessagesDialect,
    idHeaders: [...OPENAI_IDS, "request-id"],
    operation: {
      ...COMMON,
      id: "createMessage",
      summary: "Answer a conversation with blocks",
      description: "Anthropic's Messages. The key may come as `x-api-key`; `anthropic-version` is ignored.",
      request: named("CreateMessageRequest", createMessageSchema),
      answer: named("Message", messageSchema),
      event: named("MessageEvent", messageEventSchema),
      error: named("MessagesError", messagesErrorSchema),
    },
  },
  {
    path: "/v1/completions",
    dialect: createCompletionsDialect,
    idHeaders: OPENAI_IDS,
    operation: {
      ...COMMON,
      id: "createCompletion",
      summary: "Continue a prompt",
      description: "OpenAI's legacy API. A backend that only chats gets the prompt as a message.",
      request: named("CreateCompletionRequest", completionSchema),
      answer: named("Completion", completionAnswerSchema),
      event: completionAnswerSchema,
    },
  },
  {
    path: "/v1/embeddings",
    dialect: createEmbeddingsDialect,
    idHeaders: OPENAI_IDS,
    operation: {
      ...COMMON,
      id: "createEmbedding",
      summary: "Turn texts into vectors",
      request: named("CreateEmbeddingRequest", embeddingSchema),
      answer: named("EmbeddingList", embeddingAnswerSchema),
    },
  },
];
