import type { RequestId } from "@hearth/protocol";
import type { InferenceRequest } from "../../request/inference-request.js";
import { type JsonBody, readJsonBody } from "../json-body.js";
import { baseEdits, type Edits } from "../member-edits.js";
import type { ChatMessage } from "../translation/conversation.js";
import { otherMembers } from "../translation/other-members.js";
import { outboundForms, type RepairedBody, repairBody } from "../translation/outbound-forms.js";
import { estimatePrompt, type PromptEstimate } from "../translation/prompt-estimate.js";
import { type CountTokensBody, type CreateMessageBody, parseCountTokens, parseCreateMessage } from "./parse.js";
import { readMessagesEvent } from "./read-event.js";
import { SPOKEN_FOR, toChatSettings, toChatTools, toConversation } from "./to-chat.js";

/** A request for a message, with what only this dialect needs to write the reply. */
export interface MessagesRequest extends InferenceRequest {
  /** The consumer wants to see what the model thinks. */
  readonly showsThinking: boolean;
  readonly stopSequences: readonly string[];
}

/**
 * Reads a body. A backend that speaks this API natively gets the consumer's own text; any other gets a chat.
 *
 * @throws HearthError `invalid_request`
 */
export function toMessagesRequest(raw: Buffer, id: RequestId): MessagesRequest {
  const json = readJsonBody(raw);
  const body = parseCreateMessage(json.value);
  const repaired = repairBody(json);
  const { messages, tools, prompt } = readPrompt(body, repaired);
  const stream = body.stream === true;
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: outboundForms({
      body: repaired,
      native: { dialect: "messages", edits: nativeEdits(body), readEvent: readMessagesEvent },
      chat: {
        ...otherMembers(body, repaired.text, SPOKEN_FOR),
        messages,
        ...(tools.length > 0 ? { tools } : {}),
        ...toChatSettings(body, repaired.text),
      },
    }),
    toolsRepaired: repaired.isComplete,
    stream,
    showsThinking: body.thinking?.type !== "disabled" && body.thinking?.display !== "omitted",
    stopSequences: body.stop_sequences ?? [],
    needs: { tools: tools.length > 0, vision: prompt.hasImages },
    promptTokens: prompt.tokens,
    maxTokens: body.max_tokens,
  };
}

/**
 * How many tokens a prompt has: an estimate, as nobody is asked who has the model's tokenizer.
 *
 * @throws HearthError `invalid_request`
 */
export function countTokens(raw: Buffer): { readonly input_tokens: number } {
  const json: JsonBody = readJsonBody(raw);
  const { prompt } = readPrompt(parseCountTokens(json.value), repairBody(json));
  return { input_tokens: prompt.tokens };
}

interface Prompt {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly object[];
  readonly prompt: PromptEstimate;
}

function readPrompt(body: CountTokensBody, { text }: RepairedBody): Prompt {
  const messages = toConversation(body, text).end();
  const tools = toChatTools(body, text);
  const toolCharacters = tools.length === 0 ? 0 : JSON.stringify(body.tools).length;
  return { messages, tools, prompt: estimatePrompt(messages, toolCharacters) };
}

/** Members that tell who the end user is, or how Anthropic is to bill and route. */
const STRIPPED = [
  ...["service_tier", "inference_geo", "user_profile_id", "workspace_id", "diagnostics", "billing_policy"],
  ...["fallback_credit_token"],
];

function nativeEdits(body: CreateMessageBody): Edits {
  const edits = baseEdits(body);
  for (const key of STRIPPED) if (key in body) edits.set(key, undefined);
  return edits;
}
