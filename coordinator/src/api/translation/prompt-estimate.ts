import { estimateTokens } from "../prompt-size.js";
import type { ChatMessage } from "./conversation.js";

/** Characters that a role and the separators around a message are taken to cost. */
const MESSAGE_CHARACTERS = 8;

/** How much a conversation asks a model to read. */
export interface PromptEstimate {
  /** Estimate, tokens. */
  readonly tokens: number;
  readonly hasImages: boolean;
}

/** @param toolCharacters the length of the tool definitions */
export function estimatePrompt(messages: readonly ChatMessage[], toolCharacters: number): PromptEstimate {
  const size = { characters: toolCharacters, images: 0 };
  for (const message of messages) {
    size.characters += MESSAGE_CHARACTERS;
    addContent(size, message.content);
    if (message.role === "assistant") size.characters += assistantCharacters(message);
  }
  return { tokens: estimateTokens(size), hasImages: size.images > 0 };
}

function addContent(size: { characters: number; images: number }, content: ChatMessage["content"]): void {
  if (typeof content === "string") {
    size.characters += content.length;
    return;
  }
  for (const part of content ?? []) {
    if (part.type === "text") size.characters += part.text.length;
    if (part.type === "image_url") size.images += 1;
  }
}

function assistantCharacters({ reasoning_content, tool_calls }: Extract<ChatMessage, { role: "assistant" }>): number {
  let characters = reasoning_content?.length ?? 0;
  for (const call of tool_calls ?? []) characters += call.function.name.length + call.function.arguments.length;
  return characters;
}
