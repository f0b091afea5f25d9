import { compactedResponseSchema, responseEventSchema, responseSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createCompactionDialect } from "./compact-route.js";
import { createResponsesDialect } from "./dialect.js";
import { compactResponseSchema, createResponseSchema } from "./parse.js";

/** The route of answers. */
export const responsesEndpoint: Endpoint = {
  path: "/v1/responses",
  speaks: "responses",
  dialect: createResponsesDialect,
  idHeaders: ["X-Request-Id"],
  description: {
    id: "createResponse",
    summary: "Answer input with items",
    description:
      "OpenAI's Responses. Answers are kept for a while unless `store` is false: see `previous_response_id`.",
    request: named("CreateResponseRequest", createResponseSchema),
    answer: named("Response", responseSchema),
    event: named("ResponseEvent", responseEventSchema),
  },
};

/** The route that tells a conversation in short. */
export const compactionEndpoint: Endpoint = {
  path: "/v1/responses/compact",
  speaks: "responses",
  dialect: createCompactionDialect,
  idHeaders: ["X-Request-Id"],
  description: {
    id: "compactResponse",
    summary: "Tell a conversation in short",
    description:
      "The model writes the notes that the conversation goes on from. They come packed, for the next request's `input`, " +
      "always whole, and are not kept.",
    request: named("CompactResponseRequest", compactResponseSchema),
    answer: named("CompactedResponse", compactedResponseSchema),
  },
};
