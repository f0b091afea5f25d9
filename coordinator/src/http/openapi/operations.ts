import type { z } from "zod";
import {
  chatCompletionAnswerSchema,
  chatCompletionChunkSchema,
  completionAnswerSchema,
  embeddingAnswerSchema,
  errorSchema,
  inputTokensSchema,
  messageEventSchema,
  messageSchema,
  messagesErrorSchema,
  modelListSchema,
  modelSchema,
  responseEventSchema,
  responseSchema,
  tokenCountSchema,
} from "../../api/answer-schemas.js";
import { chatCompletionSchema } from "../../api/chat-completions/parse.js";
import { completionSchema } from "../../api/completions/parse.js";
import { embeddingSchema } from "../../api/embeddings/parse.js";
import { countTokensSchema, createMessageSchema } from "../../api/messages/parse.js";
import { attestationListSchema, receiptSchema } from "../../api/proof-schemas.js";
import { countInputTokensSchema, createResponseSchema } from "../../api/responses/parse.js";
import { encryptionKeySchema, sealedAnswerSchema, sealedEventSchema, sealedRequestSchema } from "../sealed/schemas.js";

/** One route of the consumer's API, as the description tells of it. */
export interface Operation {
  readonly method: "get" | "post";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly request?: z.ZodType;
  readonly answer: z.ZodType;
  /** An event of the answer, where `stream: true` asks for events. */
  readonly event?: z.ZodType;
  readonly error: z.ZodType;
  /** Whether it goes to a provider, so that headers may say to which and how soon. */
  readonly directed?: true;
  /** Whether the body may come sealed to the coordinator; then so does the answer. */
  readonly sealable?: true;
  /** Answers everybody, without a key. */
  readonly open?: true;
}

/** Every schema that the description names, under its name. */
export const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  CreateChatCompletionRequest: chatCompletionSchema,
  ChatCompletion: chatCompletionAnswerSchema,
  ChatCompletionChunk: chatCompletionChunkSchema,
  CreateCompletionRequest: completionSchema,
  Completion: completionAnswerSchema,
  CreateEmbeddingRequest: embeddingSchema,
  EmbeddingList: embeddingAnswerSchema,
  CreateResponseRequest: createResponseSchema,
  Response: responseSchema,
  ResponseEvent: responseEventSchema,
  CountInputTokensRequest: countInputTokensSchema,
  InputTokens: inputTokensSchema,
  CreateMessageRequest: createMessageSchema,
  Message: messageSchema,
  MessageEvent: messageEventSchema,
  CountTokensRequest: countTokensSchema,
  TokenCount: tokenCountSchema,
  Model: modelSchema,
  ModelList: modelListSchema,
  Receipt: receiptSchema,
  AttestationList: attestationListSchema,
  Error: errorSchema,
  MessagesError: messagesErrorSchema,
  EncryptionKey: encryptionKeySchema,
  SealedRequest: sealedRequestSchema,
  SealedAnswer: sealedAnswerSchema,
  SealedEvent: sealedEventSchema,
};

export const OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/chat/completions",
    id: "createChatCompletion",
    summary: "Answer a conversation",
    description: "OpenAI's Chat Completions. Members that are not listed reach the backend as they are.",
    request: chatCompletionSchema,
    answer: chatCompletionAnswerSchema,
    event: chatCompletionChunkSchema,
    error: errorSchema,
    directed: true,
    sealable: true,
  },
  {
    method: "post",
    path: "/v1/responses",
    id: "createResponse",
    summary: "Answer input with items",
    description:
      "OpenAI's Responses. Answers are kept for a while unless `store` is false: see `previous_response_id`.",
    request: createResponseSchema,
    answer: responseSchema,
    event: responseEventSchema,
    error: errorSchema,
    directed: true,
    sealable: true,
  },
  {
    method: "post",
    path: "/v1/responses/input_tokens",
    id: "countInputTokens",
    summary: "Estimate the tokens of an input",
    description: "An estimate: the model's tokenizer is on the provider's machine.",
    request: countInputTokensSchema,
    answer: inputTokensSchema,
    error: errorSchema,
  },
  {
    method: "post",
    path: "/v1/messages",
    id: "createMessage",
    summary: "Answer a conversation with blocks",
    description: "Anthropic's Messages. The key may come as `x-api-key`; `anthropic-version` is ignored.",
    request: createMessageSchema,
    answer: messageSchema,
    event: messageEventSchema,
    error: messagesErrorSchema,
    directed: true,
    sealable: true,
  },
  {
    method: "post",
    path: "/v1/messages/count_tokens",
    id: "countMessageTokens",
    summary: "Estimate the tokens of a conversation",
    description: "An estimate: the model's tokenizer is on the provider's machine.",
    request: countTokensSchema,
    answer: tokenCountSchema,
    error: messagesErrorSchema,
  },
  {
    method: "post",
    path: "/v1/completions",
    id: "createCompletion",
    summary: "Continue a prompt",
    description: "OpenAI's legacy API. A backend that only chats gets the prompt as a message.",
    request: completionSchema,
    answer: completionAnswerSchema,
    event: completionAnswerSchema,
    error: errorSchema,
    directed: true,
    sealable: true,
  },
  {
    method: "post",
    path: "/v1/embeddings",
    id: "createEmbedding",
    summary: "Turn texts into vectors",
    request: embeddingSchema,
    answer: embeddingAnswerSchema,
    error: errorSchema,
    directed: true,
    sealable: true,
  },
  {
    method: "get",
    path: "/v1/models",
    id: "listModels",
    summary: "List what is served now",
    description:
      "With an `anthropic-version` header in Anthropic's form, in pages: `limit` (1,000), `after_id`, `before_id`.",
    answer: modelListSchema,
    error: errorSchema,
  },
  {
    method: "get",
    path: "/v1/models/{id}",
    id: "retrieveModel",
    summary: "Find a model by its id",
    description:
      "The id may hold slashes, escaped or not. With an `anthropic-version` header it comes in Anthropic's form.",
    answer: modelSchema,
    error: errorSchema,
  },
  {
    method: "get",
    path: "/v1/encryption-key",
    id: "retrieveEncryptionKey",
    summary: "Get the key that requests may be sealed to",
    description:
      "A new one each day (UTC); the one before is accepted for another day. A body that is sealed to it, as " +
      "application/hearth-sealed+json, is answered sealed.",
    answer: encryptionKeySchema,
    error: errorSchema,
    open: true,
  },
  {
    method: "get",
    path: "/v1/receipts/{id}",
    id: "retrieveReceipt",
    summary: "Get what the provider of a request has signed",
    description:
      "By the request's id, for the account that made it. While it may still come, a 404 with the code receipt_pending. Anybody can verify it: see docs/receipts.md.",
    answer: receiptSchema,
    error: errorSchema,
  },
  {
    method: "get",
    path: "/v1/providers/attestation",
    id: "listAttestations",
    summary: "List what the connected providers have proved about themselves",
    description: "With all that a third party needs to verify it again. Serials are hashed with a salt.",
    answer: attestationListSchema,
    error: errorSchema,
    open: true,
  },
];
