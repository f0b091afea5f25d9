import type { RequestId } from "@hearth/protocol";
import { inOneGo, type Steps } from "../../platform/steps.js";
import { DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { BodyText } from "../json/body-text.js";
import { type Arrived, jsonBodySteps } from "../json-body.js";
import { baseEdits, type Edits } from "../member-edits.js";
import { conversationOf } from "../translation/opening.js";
import { otherMembers } from "../translation/other-members.js";
import { outboundFormSteps } from "../translation/outbound-forms.js";
import { estimatePrompt } from "../translation/prompt-estimate.js";
import { type CreateResponseBody, type ParsedResponse, parseCreateResponse } from "./parse.js";
import { SPOKEN_FOR, toChatSettings, toChatTools, toConversation, wantsLogprobs } from "./to-chat.js";

/** A request for a response, with the body that the response repeats. */
export interface ResponsesRequest extends InferenceRequest {
  readonly body: CreateResponseBody;
}

/**
 * Reads a body. A backend that speaks this API natively gets the consumer's own text; any other gets a chat.
 *
 * @throws HearthError `invalid_request`
 */
export function toResponsesRequest(raw: Buffer, id: RequestId): ResponsesRequest {
  return inOneGo(responsesRequestSteps({ raw, id, bounds: DEFAULT_BODY_BOUNDS }));
}

/** {@link toResponsesRequest} in steps. */
export function* responsesRequestSteps({ raw, id, bounds }: Arrived): Steps<ResponsesRequest> {
  const json = yield* jsonBodySteps(raw, bounds);
  const parsed = parseCreateResponse(json.value);
  yield;
  const { body } = parsed;
  const text = new BodyText(json.object.text);
  yield;
  const messages = toConversation(parsed).end();
  yield;
  const tools = toChatTools(body, text);
  const prompt = estimatePrompt(messages, tools.length === 0 ? "" : JSON.stringify(body.tools));
  yield;
  const stream = body.stream === true;
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: yield* outboundFormSteps({
      body: json,
      native: { dialect: "responses", edits: nativeEdits(body), severalSystems: hasSeveralSystems(parsed) },
      delivery: stream ? "interactive" : "whole",
      messages,
      chat: {
        ...otherMembers(body, text, SPOKEN_FOR),
        ...(tools.length > 0 ? { tools } : {}),
        ...toChatSettings(body, text),
      },
    }),
    stream,
    ignored: ignoredMembers(body),
    body,
    needs: {
      tools: tools.length > 0,
      vision: prompt.hasImages,
      structuredOutput: body.text?.format?.type === "json_schema",
      logprobs: wantsLogprobs(body),
    },
    promptTokens: prompt.tokens,
    maxTokens: body.max_output_tokens ?? undefined,
    conversation: conversationOf(messages),
  };
}

/** Servers that speak Responses make a system message of the instructions, and one of each message of the system. */
function hasSeveralSystems({ body: { instructions }, input }: ParsedResponse): boolean {
  if (typeof input === "string") return false;
  const said = input.filter((item) => item.type === "message" && (item.role === "system" || item.role === "developer"));
  return said.length + (instructions ? 1 : 0) > 1;
}

/** What asks for more than an answer, and is not done here. */
const IGNORED = ["context_management", "moderation", "prompt_cache_options", "prompt_cache_retention"];

const ignoredMembers = (body: CreateResponseBody): readonly string[] =>
  IGNORED.filter((member) => body[member] !== undefined && body[member] !== null);

/** Members that tell who the end user is, or how OpenAI is to bill, bound, check and cache. */
const STRIPPED = [
  "max_tool_calls",
  "service_tier",
  "prompt_cache_retention",
  "prompt_cache_options",
  "moderation",
  "client_metadata",
];

function nativeEdits(body: CreateResponseBody): Edits {
  const edits = baseEdits(body);
  for (const key of STRIPPED) if (key in body) edits.set(key, undefined);
  // The default of this API is to keep every answer.
  return edits.set("store", "false");
}
