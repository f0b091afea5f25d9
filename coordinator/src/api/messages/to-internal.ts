import { writeJson } from "@hearth/dialects";
import type { RequestId } from "@hearth/protocol";
import { inOneGo, type Steps, spansTurns } from "../../platform/steps.js";
import { type BodyBounds, DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { BodyText } from "../json/body-text.js";
import { type JsonBody, jsonBodySteps } from "../json-body.js";
import { baseEdits, type Edits } from "../member-edits.js";
import { endUserOf } from "../members/end-user.js";
import { sortMembers } from "../members/request-members.js";
import type { ChatMessage } from "../translation/conversation.js";
import { conversationOf } from "../translation/opening.js";
import { outboundFormSteps } from "../translation/outbound-forms.js";
import { passedMembers } from "../translation/passed-members.js";
import { estimatePrompt, type PromptEstimate } from "../translation/prompt-estimate.js";
import { membersFor, variablesFor } from "../translation/thinking.js";
import { withoutBillingLines } from "./billing-lines.js";
import type { PdfTextsOf } from "./documents.js";
import {
  type AssistantBlock,
  type CountTokensBody,
  type CreateMessageBody,
  type DocumentBlock,
  type Message,
  parseCreateMessage,
  type UserBlock,
} from "./parse.js";
import { isServerBlock } from "./server-blocks.js";
import { thinkingOf, toChatSettings, toConversation } from "./to-chat.js";
import { ToolSet } from "./tools.js";

/** A request for a message, with what only this dialect needs to write the reply. */
export interface MessagesRequest extends InferenceRequest {
  /** The consumer wants to see what the model thinks. */
  readonly showsThinking: boolean;
  readonly stopSequences: readonly string[];
  /** At most one tool may be called. */
  readonly oneCall: boolean;
}

/** A body whose form is right. */
export interface ReadBody<Body> {
  readonly json: JsonBody;
  readonly body: Body;
}

/**
 * Reads a body that has no PDFs. A backend that speaks this API natively gets the consumer's own text; any other gets a
 * chat.
 *
 * @throws HearthError `invalid_request`
 */
export function toMessagesRequest(raw: Buffer, id: RequestId): MessagesRequest {
  const read = inOneGo(readSteps(raw, DEFAULT_BODY_BOUNDS, parseCreateMessage));
  return inOneGo(messagesRequestSteps(read, id, NO_PDFS));
}

export const NO_PDFS: PdfTextsOf = new Map();

/**
 * The first half of the way: what has to be read elsewhere is known then.
 *
 * @throws HearthError `invalid_request`
 */
export function* readSteps<Body>(
  raw: Buffer,
  bounds: BodyBounds,
  parse: (value: unknown) => Body,
): Steps<ReadBody<Body>> {
  const json = yield* jsonBodySteps(raw, bounds);
  const body = parse(json.value);
  yield;
  return { json, body };
}

/**
 * The second half.
 *
 * @param pdfs the texts of the body's PDFs
 * @throws HearthError `invalid_request`
 */
export function* messagesRequestSteps(
  { json, body }: ReadBody<CreateMessageBody>,
  id: RequestId,
  pdfs: PdfTextsOf,
): Steps<MessagesRequest> {
  const text = new BodyText(json.object.text);
  yield;
  const { messages, unseen, tools, prompt, needed } = yield* promptSteps(body, { json, text, pdfs });
  const { removed, ignored } = sortMembers("messages", body);
  const stream = body.stream === true;
  const variables = variablesFor(thinkingOf(body), body, text);
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: yield* outboundFormSteps({
      body: json,
      native: isNative(body, tools) ? { dialect: "messages", edits: nativeEdits(body, removed, variables) } : undefined,
      delivery: stream ? "interactive" : "whole",
      messages,
      unseen,
      chat: {
        ...passedMembers("messages", body, text),
        ...(tools.isEmpty ? {} : { tools: tools.functions }),
        ...toChatSettings(body, tools, text),
        ...(variables === undefined ? {} : { chat_template_kwargs: variables }),
      },
      chatFor: ({ backend }) => ({
        ...membersFor(thinkingOf(body), body, backend),
        ...(backend === "llama-server" ? tellsStopSequence(body, json.raw.length) : {}),
      }),
    }),
    stream,
    ignored: [...tools.ignored, ...ignored],
    showsThinking: body.thinking?.type !== "disabled" && body.thinking?.display !== "omitted",
    stopSequences: body.stop_sequences ?? [],
    oneCall: wantsOneCall(body),
    needs: {
      tools: !tools.isEmpty,
      vision: prompt.hasImages,
      structuredOutput: Boolean(body.output_config?.format ?? body.output_format),
      ...(prompt.hasImages && !needed.hasImages ? { visionIsOptional: true } : {}),
    },
    ...endUserOf("messages", body),
    messageCount: body.messages.length,
    promptTokens: prompt.tokens,
    maxTokens: body.max_tokens,
    conversation: conversationOf(messages),
  };
}

/**
 * How many tokens a prompt has: an estimate, as nobody is asked who has the model's tokenizer.
 *
 * @throws HearthError `invalid_request`
 */
export function* countTokenSteps(
  { json, body }: ReadBody<CountTokensBody>,
  pdfs: PdfTextsOf,
): Steps<{ readonly input_tokens: number }> {
  const text = new BodyText(json.object.text);
  yield;
  const { prompt } = yield* promptSteps(body, { json, text, pdfs });
  return { input_tokens: prompt.tokens };
}

/** With a prompt of up to so many bytes the end of an answer may repeat it. */
const MAX_REPEATED_BYTES = 1024 * 1024;

/**
 * llama-server (b11669) does not say in a chat which stop sequence has ended an answer, or whether one has, unless it is
 * asked to be verbose: its last event then has that, beside the prompt.
 */
function tellsStopSequence({ stop_sequences: asked }: CreateMessageBody, bytes: number): object {
  return asked && asked.length > 0 && bytes <= MAX_REPEATED_BYTES ? { verbose: true } : {};
}

interface Prompt {
  readonly messages: readonly ChatMessage[];
  /** For a model that takes no images: absent = the same. */
  readonly unseen: readonly ChatMessage[] | undefined;
  readonly tools: ToolSet;
  readonly prompt: PromptEstimate;
  /** Without what can be told in words. */
  readonly needed: PromptEstimate;
}

interface PromptSources {
  readonly json: JsonBody;
  readonly text: BodyText;
  readonly pdfs: PdfTextsOf;
}

function* promptSteps(body: CountTokensBody, { json, text, pdfs }: PromptSources): Steps<Prompt> {
  if (spansTurns(json.raw.length)) {
    text.prepare("messages");
    yield;
  }
  const conversation = toConversation(body, text, pdfs);
  const messages = conversation.end();
  const unseen = conversation.withoutToolImages();
  yield;
  const tools = new ToolSet(body, text);
  yield;
  const toolTexts = tools.isEmpty ? "" : writeJson(tools.functions);
  const prompt = estimatePrompt(messages, toolTexts);
  yield;
  const needed = unseen === undefined ? prompt : estimatePrompt(unseen, toolTexts);
  return { messages, unseen, tools, prompt, needed };
}

/**
 * Backends that speak Messages know the tools that bring their schemas, and the turns of user and assistant; the rest
 * is Anthropic's own, and is translated. So is the wish for one call at most, which llama-server (b11669) and vLLM leave
 * out of what they hand on.
 */
function isNative(body: CreateMessageBody, tools: ToolSet): boolean {
  return tools.isPlain && !wantsOneCall(body) && body.messages.every(isPlainTurn);
}

function wantsOneCall({ tool_choice: choice }: CreateMessageBody): boolean {
  return choice?.["disable_parallel_tool_use"] === true;
}

function isPlainTurn({ role, content }: Message): boolean {
  if (role === "system") return false;
  return typeof content === "string" || !content.some(isTranslated);
}

function isTranslated(block: UserBlock | AssistantBlock): boolean {
  if (isServerBlock(block) || isPdf(block)) return true;
  if (block.type === "tool_use") return typeof block.input !== "object" || block.input === null;
  if (block.type !== "tool_result" || !Array.isArray(block.content)) return false;
  return block.content.some((inner) => inner.type === "tool_reference" || isPdf(inner));
}

const isPdf = (block: { readonly type: string; readonly source?: unknown }): boolean =>
  block.type === "document" && (block.source as DocumentBlock["source"]).type === "base64";

function nativeEdits(body: CreateMessageBody, removed: readonly string[], variables: object | undefined): Edits {
  const edits = baseEdits(body, removed);
  // llama-server (b11669) goes by these in its Messages, and not by what the API has for it.
  if (variables !== undefined) edits.set("chat_template_kwargs", writeJson(variables));
  const { system } = body;
  if (!system) return edits;
  const said = withoutBillingLines(system);
  if (said !== system) edits.set("system", said === undefined ? undefined : JSON.stringify(said));
  return edits;
}
