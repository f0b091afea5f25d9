import type { BodyText } from "../json/body-text.js";
import { type ChatPart, Conversation } from "../translation/conversation.js";
import { unpackReasoning } from "./packed-reasoning.js";
import type { ContentPart, CreateResponseBody, InputItem, ParsedResponse } from "./parse.js";

/** The conversation of a body in the form of chat completions. */
export function toConversation({ body: { instructions }, input }: ParsedResponse): Conversation {
  const conversation = new Conversation();
  if (instructions) conversation.system(instructions);
  if (typeof input === "string") conversation.user([{ type: "text", text: input }]);
  else for (const [index, item] of input.entries()) addItem(conversation, item, input[index - 1]);
  return conversation;
}

/** What the assistant said is one message, though it stands here as several items: its thoughts, texts and calls. */
function addItem(conversation: Conversation, item: InputItem, before: InputItem | undefined): void {
  switch (item.type) {
    case "message":
      return addMessage(conversation, item, before);
    case "function_call":
      return conversation.assistant().call(item.call_id, item.name, item.arguments);
    case "reasoning": {
      const turn = conversation.assistant();
      const isNext = turn.hasText && !turn.hasCalls;
      return (isNext ? conversation.newAssistant() : turn).reasoning(reasoningOf(item));
    }
    case "function_call_output": {
      const { output } = item;
      const parts = typeof output === "string" ? [textPart(output)] : output.flatMap(toChatParts);
      return conversation.tool({ callId: item.call_id, parts, isError: false });
    }
  }
}

function addMessage(
  conversation: Conversation,
  { role, content }: Extract<InputItem, { type: "message" }>,
  before: InputItem | undefined,
): void {
  const parts = typeof content === "string" ? [textPart(content)] : content.flatMap(toChatParts);
  switch (role) {
    case "user":
      return conversation.user(parts);
    case "system":
    case "developer":
      return conversation.system(textOf(parts, "\n\n"));
    case "assistant": {
      // Two messages on end are two: only what stands between calls belongs together.
      const isNext = before?.type === "message" && before.role === "assistant";
      const turn =
        isNext && !conversation.assistant().hasCalls ? conversation.newAssistant() : conversation.assistant();
      return turn.text(textOf(parts, ""));
    }
  }
}

/** The thoughts themselves, or their summary, or what this coordinator put into `encrypted_content`. */
function reasoningOf({ content, summary, encrypted_content }: Extract<InputItem, { type: "reasoning" }>): string {
  const texts = content && content.length > 0 ? content : (summary ?? []);
  const open = texts.map(({ text }) => text).join("\n\n");
  return open !== "" ? open : unpackReasoning(encrypted_content);
}

function toChatParts(part: ContentPart): ChatPart[] {
  switch (part.type) {
    case "input_text":
    case "output_text":
      return [textPart(part.text)];
    case "refusal":
      return [textPart(part.refusal)];
    case "input_image": {
      const { image_url: url, detail } = part;
      return [{ type: "image_url", image_url: { url, ...(detail ? { detail } : {}) } }];
    }
    case "input_audio":
      return [{ type: "input_audio", input_audio: part.input_audio }];
  }
}

const textPart = (text: string): ChatPart => ({ type: "text", text });

function textOf(parts: readonly ChatPart[], separator: string): string {
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(separator);
}

/** The tools as chat completions have them, with their schemas as the consumer wrote them. */
export function toChatTools({ tools, tool_choice: choice }: CreateResponseBody, text: BodyText): readonly object[] {
  const isLimited = typeof choice === "object" && choice?.type === "allowed_tools";
  const allowed = isLimited ? new Set(choice.tools.map(({ name }) => name)) : undefined;
  return (tools ?? []).flatMap((tool, index) => {
    if (allowed?.has(tool.name) === false) return [];
    const { name, description, parameters, strict } = tool;
    const called = {
      name,
      ...(description ? { description } : {}),
      ...(parameters ? { parameters: text.at(["tools", index, "parameters"], parameters) } : {}),
      ...(typeof strict === "boolean" ? { strict } : {}),
    };
    return [{ type: "function", function: called }];
  });
}

/** Everything else that has a meaning in chat completions. */
export function toChatSettings(body: CreateResponseBody, text: BodyText): Readonly<Record<string, unknown>> {
  const { max_output_tokens, temperature, top_p, parallel_tool_calls: parallel, reasoning } = body;
  const hasTools = body.tools !== undefined && body.tools !== null && body.tools.length > 0;
  return {
    ...(typeof max_output_tokens === "number" ? { max_tokens: max_output_tokens } : {}),
    ...(typeof temperature === "number" ? { temperature } : {}),
    ...(typeof top_p === "number" ? { top_p } : {}),
    ...(reasoning?.effort ? { reasoning_effort: reasoning.effort } : {}),
    ...(body.text?.verbosity ? { verbosity: body.text.verbosity } : {}),
    ...(wantsLogprobs(body) ? { logprobs: true, top_logprobs: body.top_logprobs ?? 0 } : {}),
    ...responseFormat(body, text),
    ...(hasTools ? toolChoice(body) : {}),
    ...(hasTools && typeof parallel === "boolean" ? { parallel_tool_calls: parallel } : {}),
  };
}

/** Whether the probabilities of the answer's tokens are asked for. */
export function wantsLogprobs({ include, top_logprobs: top }: CreateResponseBody): boolean {
  return include?.includes("message.output_text.logprobs") === true || (top ?? 0) > 0;
}

function responseFormat({ text: settings }: CreateResponseBody, text: BodyText): object {
  const format = settings?.format;
  if (!format || format.type === "text") return {};
  if (format.type === "json_object") return { response_format: { type: "json_object" } };
  const { name, description, strict } = format;
  const json_schema = {
    name,
    ...(description ? { description } : {}),
    schema: text.at(["text", "format", "schema"], format.schema),
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
  return { response_format: { type: "json_schema", json_schema } };
}

function toolChoice({ tool_choice: choice }: CreateResponseBody): object {
  if (!choice) return {};
  if (typeof choice === "string") return { tool_choice: choice };
  if (choice.type === "allowed_tools") return { tool_choice: choice.mode };
  return { tool_choice: { type: "function", function: { name: choice.name } } };
}

/** Members that mean nothing to a chat backend, or that have been said in its own terms. */
export const SPOKEN_FOR: ReadonlySet<string> = new Set([
  ...["model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature", "top_p"],
  ...["top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "include", "metadata"],
  ...["store", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"],
  ...["service_tier", "truncation", "previous_response_id", "conversation", "background", "max_tool_calls", "prompt"],
  ...["context_management", "moderation", "client_metadata", "messages"],
]);
