import type { Clock } from "@hearth/platform";
import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { type EventDialect, eventReply } from "../translation/event-reply.js";
import { ResponseFailure } from "./failure.js";
import { ResponseFold } from "./fold.js";
import { ResponsesTranslator } from "./from-events.js";
import type { ReasoningStyle } from "./output-items.js";
import { newResponse } from "./response-object.js";
import { type ResponsesRequest, responsesRequestSteps } from "./to-internal.js";

/** `POST /v1/responses` for one request. */
export function createResponsesDialect(context: DialectContext): Dialect<ResponsesRequest> {
  return {
    errorBody: (error) => openAiErrorBody(error, "input"),
    normalise: (raw) => inTurns(responsesRequestSteps({ raw, ...context }), raw.length),
    reply: (request, consumer) => eventReply(responsesEvents(request, context.clock), request.stream, consumer),
  };
}

function responsesEvents({ id, body, tools }: ResponsesRequest, clock: Clock): EventDialect {
  const wallTime = (): number => Math.floor(clock.wallTime() / 1000);
  const response = newResponse(body, id.replace(/^req_/, "resp_"), wallTime());
  const style: ReasoningStyle = {
    summary: (body.reasoning?.summary ?? body.reasoning?.generate_summary) ? "only" : "too",
    packed: body.include?.includes("reasoning.encrypted_content") === true,
  };
  return {
    dialect: "responses",
    translator: () => new ResponsesTranslator(response, { style, tools }, wallTime),
    fold: () => new ResponseFold(response),
    failureWriter: () => new ResponseFailure(response),
    tellsEnd: ({ type }) => type === "response.completed" || type === "response.incomplete",
    endMark: "data: [DONE]\n\n",
  };
}
