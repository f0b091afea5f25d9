import { chatCompletionAnswerSchema, chatCompletionChunkSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createChatCompletionsDialect } from "./dialect.js";
import { chatCompletionSchema } from "./parse.js";

/** The route of this dialect. */
export const chatCompletionsEndpoint: Endpoint = {
  path: "/v1/chat/completions",
  speaks: "chat_completions",
  dialect: createChatCompletionsDialect,
  idHeaders: ["X-Request-Id"],
  description: {
    id: "createChatCompletion",
    summary: "Answer a conversation",
    description: "OpenAI's Chat Completions. Members that are not known are left out and named in X-Hearth-Ignored.",
    request: named("CreateChatCompletionRequest", chatCompletionSchema),
    answer: named("ChatCompletion", chatCompletionAnswerSchema),
    event: named("ChatCompletionChunk", chatCompletionChunkSchema),
  },
};
