import { messageEventSchema, messageSchema, messagesErrorSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createMessagesDialect } from "./dialect.js";
import { messagesErrorBody } from "./error-body.js";
import { createMessageSchema } from "./parse.js";

/** The route of this dialect. */
export const messagesEndpoint: Endpoint = {
  path: "/v1/messages",
  speaks: "messages",
  dialect: createMessagesDialect,
  idHeaders: ["X-Request-Id", "request-id"],
  errorBody: messagesErrorBody,
  description: {
    id: "createMessage",
    summary: "Answer a conversation with blocks",
    description: "Anthropic's Messages. The key may come as `x-api-key`; `anthropic-version` is ignored.",
    request: named("CreateMessageRequest", createMessageSchema),
    answer: named("Message", messageSchema),
    event: named("MessageEvent", messageEventSchema),
    error: named("MessagesError", messagesErrorSchema),
  },
};
