import type { RawJson } from "@hearth/dialects";
import type { BodyText } from "../json/body-text.js";
import { type ChatPart, Conversation } from "../translation/conversation.js";
import { type Thinking, wishOfEffort } from "../translation/thinking.js";
import { withoutBillingLines } from "./billing-lines.js";
import type { PdfTextsOf } from "./documents.js";
import type {
  AssistantBlock,
  CountTokensBody,
  CreateMessageBody,
  Message,
  ToolReferenceBlock,
  ToolResultBlock,
  UserBlock,
} from "./parse.js";
import { textOfServerBlock } from "./server-blocks.js";
import type { ToolSet } from "./tools.js";

/**
 * The conversation of a body in the form of chat completions.
 *
 * @param pdfs the texts of its PDFs
 */
export function toConversation({ system, messages }: CountTokensBody, text: BodyText, pdfs: PdfTextsOf): Conversation {
  const conversation = new Conversation();
  const said = system ? withoutBillingLines(system) : undefined;
  if (said) conversation.system(joined(said));
  for (const [index, message] of messages.entries()) addMessage(conversation, message, { text, index, pdfs });
  return conversation;
}

interface Place {
  readonly text: BodyText;
  readonly index: number;
  readonly pdfs: PdfTextsOf;
}

function addMessage(conversation: Conversation, message: Message, place: Place): void {
  switch (message.role) {
    case "system":
      conversation.system(joined(message.content));
      return;
    case "user":
      addUser(conversation, message.content, place.pdfs);
      return;
    case "assistant":
      addAssistant(conversation, message.content, place);
      return;
  }
}

/** Results of tools come first, as they do in a chat: whatever stands beside them was said after them. */
function addUser(conversation: Conversation, content: string | readonly UserBlock[], pdfs: PdfTextsOf): void {
  if (typeof content === "string") return conversation.user([{ type: "text", text: content }]);
  const results = content.filter((block) => block.type === "tool_result");
  for (const result of results) conversation.tool(toolResultOf(result, pdfs));
  if (results.length > 0 && results.length === content.length) return;
  conversation.user(content.flatMap((block) => (block.type === "tool_result" ? [] : partsOf(block, pdfs))));
}

function toolResultOf(
  { tool_use_id: callId, content, is_error: isError }: ToolResultBlock,
  pdfs: PdfTextsOf,
): {
  readonly callId: string;
  readonly parts: readonly ChatPart[];
  readonly isError: boolean;
} {
  const blocks = content ?? [];
  const parts = typeof blocks === "string" ? [textPart(blocks)] : blocks.flatMap((block) => partsOf(block, pdfs));
  return { callId, parts, isError: isError === true };
}

function addAssistant(
  conversation: Conversation,
  content: string | readonly AssistantBlock[],
  { text, index }: Place,
): void {
  const turn = conversation.newAssistant();
  if (typeof content === "string") return turn.text(content);
  for (const [at, block] of content.entries()) {
    switch (block.type) {
      case "text":
        turn.text(block.text);
        break;
      case "thinking":
        turn.reasoning(block.thinking);
        break;
      case "redacted_thinking":
        break; // nobody but the model that wrote it can read it
      case "tool_use":
        turn.call(
          block.id,
          block.name,
          argumentsOf(block, () => text.at(["messages", index, "content", at, "input"], block.input)),
        );
        break;
      default:
        turn.text(textOfServerBlock(block));
    }
  }
}

/** @param written the input as it stands in the body */
function argumentsOf({ input }: { readonly input?: unknown }, written: () => RawJson): string {
  if (typeof input === "string") return input;
  return input === null || input === undefined ? "" : written().text;
}

function partsOf(block: Exclude<UserBlock, ToolResultBlock> | ToolReferenceBlock, pdfs: PdfTextsOf): ChatPart[] {
  switch (block.type) {
    case "tool_reference":
      return [textPart(`Tool ${block.tool_name}`)];
    case "text":
      return [textPart(block.text)];
    case "image": {
      const { source } = block;
      const url = source.type === "url" ? source.url : `data:${source.media_type};base64,${source.data}`;
      return [{ type: "image_url", image_url: { url } }];
    }
    case "search_result":
      return [textPart([block.title, block.source, ...block.content.map((each) => each.text)].join("\n"))];
    case "document": {
      const heading = [block.title, block.context].filter((line) => line).map((line) => textPart(line as string));
      const { source } = block;
      if (source.type === "text") return [...heading, textPart(source.data)];
      if (source.type === "base64") return [...heading, textPart(pdfs.get(source) ?? "")];
      const { content } = source;
      return [
        ...heading,
        ...(typeof content === "string" ? [textPart(content)] : content.flatMap((each) => partsOf(each, pdfs))),
      ];
    }
  }
}

const textPart = (text: string): ChatPart => ({ type: "text", text });

function joined(content: string | readonly { readonly text: string }[]): string {
  return typeof content === "string" ? content : content.map((block) => block.text).join("\n\n");
}

/** Everything else that has a meaning in chat completions. */
export function toChatSettings(
  body: CreateMessageBody,
  tools: ToolSet,
  text: BodyText,
): Readonly<Record<string, unknown>> {
  const { max_tokens, temperature, top_p, top_k, stop_sequences: stop } = body;
  return {
    max_tokens,
    ...(typeof temperature === "number" ? { temperature } : {}),
    ...(typeof top_p === "number" ? { top_p } : {}),
    ...(typeof top_k === "number" ? { top_k } : {}),
    ...(stop && stop.length > 0 ? { stop } : {}),
    ...responseFormat(body, text),
    ...tools.choice(body),
  };
}

/**
 * What the consumer wishes of the model's thoughts. `adaptive` leaves it to the model whether it thinks, as local ones
 * are made to.
 */
export function thinkingOf({ thinking, output_config: output }: CountTokensBody): Thinking {
  return { ...wishOfEffort(output?.effort), ...modeOf(thinking) };
}

function modeOf(thinking: CountTokensBody["thinking"]): Thinking {
  switch (thinking?.type) {
    case "disabled":
      return { mode: "off" };
    case "enabled":
      return { mode: "on", budgetTokens: thinking.budget_tokens ?? undefined };
  }
  return {};
}

function responseFormat({ output_config: output, output_format: older }: CreateMessageBody, text: BodyText): object {
  const format = output?.format ?? older;
  if (!format) return {};
  const schema = output?.format
    ? text.at(["output_config", "format", "schema"], format.schema)
    : text.at(["output_format", "schema"], format.schema);
  return { response_format: { type: "json_schema", json_schema: { name: "output", schema, strict: true } } };
}
