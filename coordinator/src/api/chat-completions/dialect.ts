import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { filesAsTexts } from "../documents/file-parts.js";
import { openAiErrorBody } from "../error-envelope.js";
import { COST_IN_USAGE } from "../told-cost.js";
import { chatReply } from "./from-events.js";
import { type ChatRequest, chatRequestSteps } from "./to-internal.js";

/** `POST /v1/chat/completions` for one request. */
export function createChatCompletionsDialect(context: DialectContext): Dialect<ChatRequest> {
  return {
    errorBody: (error) => openAiErrorBody(error, "messages"),
    normalise(raw) {
      const read = filesAsTexts(raw, "messages", context);
      return read instanceof Promise ? read.then((texts) => normalise(texts, context)) : normalise(read, context);
    },
    reply: (request, consumer) => chatReply(request, consumer, context.clock),
    cost: COST_IN_USAGE,
  };
}

function normalise(raw: Buffer, context: DialectContext): ChatRequest | Promise<ChatRequest> {
  return inTurns(chatRequestSteps({ raw, ...context }), raw.length);
}
