import { MessageFold } from "@hearth/dialects";
import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { type EventDialect, eventReply } from "../translation/event-reply.js";
import { messagesErrorBody } from "./error-body.js";
import { MessagesTranslator } from "./from-events.js";
import { mendedStop } from "./mended-stop.js";
import { type MessagesRequest, messagesRequestSteps } from "./to-internal.js";

/** `POST /v1/messages` for one request. */
export function createMessagesDialect(context: DialectContext): Dialect<MessagesRequest> {
  return {
    errorBody: (error) => messagesErrorBody(error, context.id),
    normalise: (raw) => inTurns(messagesRequestSteps({ raw, ...context }), raw.length),
    reply: (request, consumer) => eventReply(messagesEvents(request), request.stream, consumer),
  };
}

function messagesEvents(request: MessagesRequest): EventDialect {
  const { model, promptTokens, showsThinking, stopSequences } = request;
  const id = request.id.replace(/^req_/, "msg_");
  return {
    dialect: "messages",
    translator: () => new MessagesTranslator({ id, model, promptTokens, showsThinking, stopSequences }),
    fold: () => new MessageFold(),
    failureWriter: () => ({
      seen: () => {},
      failure: (error) => [{ ...messagesErrorBody(error, request.id) }],
    }),
    mend: mendedStop(stopSequences),
    tellsEnd: ({ type }) => type === "message_delta" || type === "message_stop",
  };
}
