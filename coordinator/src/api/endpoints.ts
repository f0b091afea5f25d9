import { chatCompletionsEndpoint } from "./chat-completions/endpoint.js";
import { completionsEndpoint } from "./completions/endpoint.js";
import { embeddingsEndpoint } from "./embeddings/endpoint.js";
import type { Endpoint } from "./endpoint.js";
import { messagesEndpoint } from "./messages/endpoint.js";
import { compactionEndpoint, responsesEndpoint } from "./responses/endpoint.js";

/** Every dialect that is spoken to consumers. One more is a folder beside these, and its line here. */
export const ENDPOINTS: readonly Endpoint[] = [
  chatCompletionsEndpoint,
  responsesEndpoint,
  compactionEndpoint,
  messagesEndpoint,
  completionsEndpoint,
  embeddingsEndpoint,
];
