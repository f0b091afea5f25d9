import { responseEventSchema, responseSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createResponsesDialect } from "./dialect.js";
import { createResponseSchema } from "./parse.js";

/** The route of this dialect. */
export const responsesEndpoint: Endpoint = {
  path: "/v1/responses",
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
