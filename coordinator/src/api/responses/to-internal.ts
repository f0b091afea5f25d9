import { writeJson } from "@hearth/dialects";
import type { RequestId } from "@hearth/protocol";
import { invalidMember } from "../../platform/errors.js";
import { inOneGo, type Steps, spansTurns } from "../../platform/steps.js";
import { type BodyBounds, DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import type { Keeping } from "../../request/consumer.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { newSecret } from "../../stored-responses/record-key.js";
import { BodyText } from "../json/body-text.js";
import { type Arrived, type JsonBody, jsonBodySteps } from "../json-body.js";
import { answerBound, baseEdits, type Edits } from "../member-edits.js";
import { endUserOf } from "../members/end-user.js";
import { sortMembers } from "../members/request-members.js";
import type { ChatMessage } from "../translation/conversation.js";
import { conversationOf } from "../translation/opening.js";
import { outboundFormSteps } from "../translation/outbound-forms.js";
import { passedMembers } from "../translation/passed-members.js";
import { estimatePrompt, type PromptEstimate } from "../translation/prompt-estimate.js";
import { membersFor, variablesFor, wishOfEffort } from "../translation/thinking.js";
import { asksForCompaction } from "./compaction.js";
import { toConversation, unreadableTypes } from "./conversation-items.js";
import type { KeptRequest } from "./kept-response.js";
import { isNative } from "./native-form.js";
import {
  type CreateResponseBody,
  type Input,
  type PromptBody,
  parseCountInputTokens,
  parseCreateResponse,
} from "./parse.js";
import { itemsOf, type Recalled } from "./recall.js";
import { boundOf, toChatSettings, wantsLogprobs } from "./to-chat.js";
import { loadsTools, ToolSet } from "./tools.js";

/** A request for a response, with the body that the response repeats. */
export interface ResponsesRequest extends InferenceRequest {
  readonly body: CreateResponseBody;
  readonly tools: ToolSet;
  readonly responseId: string;
  /** What the model says is a short form of the conversation. */
  readonly compacts: boolean;
  /** Its answer may be referred to by later ones; absent = it is kept nowhere. */
  readonly kept?: KeptRequest;
}

/** A body that has come in, with what is known of the responses that it refers to. */
export interface ArrivedResponse extends Arrived, Omit<Recalled, "raw"> {
  readonly keeping?: Keeping | undefined;
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
export function* responsesRequestSteps(arrived: ArrivedResponse): Steps<ResponsesRequest> {
  const { raw, id, bounds } = arrived;
  const json = yield* jsonBodySteps(raw, bounds, "left_out");
  const { body, input, isMended } = parseCreateResponse(json.value);
  yield;
  const { text, tools, messages, unseen, prompt, needed } = yield* promptSteps(json, body, input);
  requireWords(messages);
  const compacts = asksForCompaction(input);
  const offersTools = !tools.isEmpty && !compacts;
  const members = sortMembers("responses", body);
  const wish = wishOfEffort(body.reasoning?.effort);
  const variables = variablesFor(wish, body, text);
  const stream = body.stream === true;
  const kept = keptOf(arrived, body, json.value, compacts);
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: yield* outboundFormSteps({
      body: json,
      // What a backend answers by itself has its own ids: nobody could refer to it here.
      native:
        kept === undefined && !isMended && isNative(tools, body, input)
          ? {
              dialect: "responses",
              edits: nativeEdits(body, members.removed),
              severalSystems: hasSeveralSystems(body, input),
            }
          : undefined,
      delivery: stream ? "interactive" : "whole",
      messages,
      unseen,
      chat: {
        ...passedMembers("responses", body, text),
        ...(offersTools ? { tools: tools.functions } : {}),
        ...(compacts ? boundOf(body) : toChatSettings(body, tools, text)),
        ...(variables === undefined ? {} : { chat_template_kwargs: variables }),
      },
      chatFor: ({ backend }) => membersFor(wish, body, backend),
    }),
    stream,
    ignored: [...tools.ignored, ...members.ignored, ...unreadableTypes(input)],
    body,
    tools,
    compacts,
    responseId: kept === undefined ? id.replace(/^req_/, "resp_") : `resp_${newSecret()}`,
    ...(kept === undefined ? {} : { kept }),
    needs: {
      tools: offersTools,
      vision: prompt.hasImages,
      structuredOutput: body.text?.format?.type === "json_schema",
      logprobs: wantsLogprobs(body),
      ...(prompt.hasImages && !needed.hasImages ? { visionIsOptional: true } : {}),
    },
    ...endUserOf("responses", body),
    messageCount: typeof input === "string" ? 1 : input.length,
    promptTokens: prompt.tokens,
    maxTokens: answerBound(body.max_output_tokens),
    conversation: conversationOf(messages),
  };
}

function requireWords(messages: readonly ChatMessage[]): void {
  if (messages.length > 0) return;
  throw invalidMember("input", "it holds nothing that a model could read");
}

/** As at OpenAI, an answer is kept unless its consumer says otherwise. */
function keptOf(
  { keeping, own, previousId }: ArrivedResponse,
  { store }: CreateResponseBody,
  { input }: JsonBody["value"],
  compacts: boolean,
): KeptRequest | undefined {
  if (keeping === undefined || store === false) return undefined;
  // What comes after goes on with the notes, and with nothing before them.
  if (compacts) return { keeping, previousId: undefined, input: [] };
  return { keeping, previousId, input: own ?? itemsOf(input) };
}

interface Prompt {
  readonly text: BodyText;
  readonly tools: ToolSet;
  readonly messages: readonly ChatMessage[];
  /** For a model that takes no images: absent = the same. */
  readonly unseen: readonly ChatMessage[] | undefined;
  readonly prompt: PromptEstimate;
  /** Without what can be told in words. */
  readonly needed: PromptEstimate;
}

function* promptSteps(json: JsonBody, body: PromptBody, input: Input): Steps<Prompt> {
  const text = new BodyText(json.object.text);
  if (spansTurns(json.raw.length) && loadsTools(input)) {
    text.prepare("input");
    yield;
  }
  const tools = new ToolSet(body, input, text);
  yield;
  const conversation = toConversation(body.instructions, input, tools);
  const messages = conversation.end();
  const unseen = conversation.withoutToolImages();
  yield;
  const toolTexts = tools.isEmpty ? "" : writeJson(tools.functions);
  const prompt = estimatePrompt(messages, toolTexts);
  yield;
  const needed = unseen === undefined ? prompt : estimatePrompt(unseen, toolTexts);
  return { text, tools, messages, unseen, prompt, needed };
}

/** OpenAI's form of a count. */
export interface InputTokens {
  readonly object: "response.input_tokens";
  readonly input_tokens: number;
}

/**
 * How many tokens an input has: an estimate, as nobody is asked who has the model's tokenizer.
 *
 * @throws HearthError `invalid_request`
 */
export function* countInputTokenSteps(raw: Buffer, bounds: BodyBounds): Steps<InputTokens> {
  const json = yield* jsonBodySteps(raw, bounds, "left_out");
  const { body, input } = parseCountInputTokens(json.value);
  yield;
  const { prompt } = yield* promptSteps(json, body, input);
  return { object: "response.input_tokens", input_tokens: prompt.tokens };
}

/** Servers that speak Responses make a system message of the instructions, and one of each message of the system. */
function hasSeveralSystems({ instructions }: PromptBody, input: Input): boolean {
  if (typeof input === "string") return false;
  const said = input.filter((item) => item.type === "message" && (item.role === "system" || item.role === "developer"));
  return said.length + (instructions ? 1 : 0) > 1;
}

/** Backends have one tier, and no tools of their own whose calls could be bounded. */
const ONLY_CHECKED = ["max_tool_calls", "service_tier"];

function nativeEdits(body: CreateResponseBody, removed: readonly string[]): Edits {
  const edits = baseEdits(body, [...removed, ...ONLY_CHECKED.filter((name) => name in body)]);
  if (body.max_output_tokens === -1) edits.set("max_output_tokens", undefined);
  // The default of this API is to keep every answer.
  return edits.set("store", "false");
}
