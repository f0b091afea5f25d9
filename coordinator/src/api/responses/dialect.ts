import type { NamedEvent } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext, Keeping } from "../../request/consumer.js";
import { filesAsTexts } from "../documents/file-parts.js";
import { openAiErrorBody } from "../error-envelope.js";
import { COST_IN_USAGE } from "../told-cost.js";
import { type EventDialect, eventReply, type Fold } from "../translation/event-reply.js";
import { ResponseFailure } from "./failure.js";
import { ResponsesTranslator } from "./from-events.js";
import { KeepingTranslator } from "./kept-response.js";
import type { ReasoningStyle } from "./output-items.js";
import { mayRefer, recall } from "./recall.js";
import { newResponse, type ResponseObject } from "./response-object.js";
import { type ResponsesRequest, responsesRequestSteps } from "./to-internal.js";

/** `POST /v1/responses` for one request. */
export function createResponsesDialect(context: DialectContext): Dialect<ResponsesRequest> {
  return {
    errorBody: (error) => openAiErrorBody(error, "input"),
    normalise(raw) {
      const read = filesAsTexts(raw, "input", context);
      return read instanceof Promise ? read.then((texts) => normalise(texts, context)) : normalise(read, context);
    },
    reply: (request, consumer) => eventReply(responsesEvents(request, context.clock), request.stream, consumer),
    cost: COST_IN_USAGE,
  };
}

function normalise(raw: Buffer, context: DialectContext): ResponsesRequest | Promise<ResponsesRequest> {
  const keeping = context.keeping?.();
  if (keeping !== undefined && mayRefer(raw)) return normaliseRecalled(raw, context, keeping);
  return inTurns(responsesRequestSteps({ raw, ...context, keeping }), raw.length);
}

async function normaliseRecalled(raw: Buffer, context: DialectContext, keeping: Keeping): Promise<ResponsesRequest> {
  const recalled = await recall(raw, context.bounds, keeping.responses);
  return await inTurns(responsesRequestSteps({ ...context, ...recalled, keeping }), recalled.raw.length);
}

/** How the events of an answer are written. */
export function responsesEvents(request: ResponsesRequest, clock: Clock): EventDialect {
  const { responseId, body, tools, kept, compacts } = request;
  const wallTime = (): number => Math.floor(clock.wallTime() / 1000);
  const asked = newResponse(body, responseId, wallTime());
  const response = kept ? { ...asked, store: true, previous_response_id: kept.previousId ?? null } : asked;
  kept?.keeping.begun({ ...response, output: [] });
  const style: ReasoningStyle = {
    summary: (body.reasoning?.summary ?? body.reasoning?.generate_summary) ? "only" : "too",
    packed: body.include?.includes("reasoning.encrypted_content") === true,
  };
  return {
    dialect: "responses",
    translator() {
      const translator = new ResponsesTranslator(response, { style, tools, compacts }, wallTime);
      return kept === undefined ? translator : new KeepingTranslator(translator, kept);
    },
    fold: () => new ResponseFold(response),
    failureWriter: () => new ResponseFailure(response),
    tellsEnd: ({ type }) => type === "response.completed" || type === "response.incomplete",
    endMark: "data: [DONE]\n\n",
  };
}

/** Folds the events of Responses: the whole response is in the last one, and until then in what came so far. */
class ResponseFold implements Fold {
  #response: Readonly<Record<string, unknown>>;

  /** @param response as it is before anything has been said */
  constructor(response: ResponseObject) {
    this.#response = response;
  }

  add({ response }: NamedEvent): void {
    if (typeof response === "object" && response !== null) this.#response = response as Record<string, unknown>;
  }

  body(): object {
    return this.#response;
  }
}
