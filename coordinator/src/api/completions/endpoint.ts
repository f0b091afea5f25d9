import { completionAnswerSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createCompletionsDialect } from "./dialect.js";
import { completionSchema } from "./parse.js";

/** The route of this dialect. */
export const completionsEndpoint: Endpoint = {
  path: "/v1/completions",
  speaks: "completions",
  dialect: createCompletionsDialect,
  idHeaders: ["X-Request-Id"],
  description: {
    id: "createCompletion",
    summary: "Continue a prompt",
    description: "OpenAI's legacy API. A backend that only chats gets the prompt as a message.",
    request: named("CreateCompletionRequest", completionSchema),
    answer: named("Completion", completionAnswerSchema),
    event: completionAnswerSchema,
  },
};
