import { estimateTokens } from "../prompt-size.js";
import type { SpokenMessage } from "./spoken-message.js";

/** How much a conversation asks a model to read. */
export interface PromptEstimate {
  /** Estimate, tokens. */
  readonly tokens: number;
  readonly hasImages: boolean;
}

/** @param tools the tool definitions as JSON; empty where there are none */
export function estimatePrompt(messages: readonly SpokenMessage[], tools: string): PromptEstimate {
  const size = { texts: [tools], messages: messages.length, images: 0 };
  for (const { content, reasoning_content: reasoning, tool_calls: calls } of messages) {
    addContent(size, content);
    addText(size.texts, reasoning);
    if (Array.isArray(calls)) for (const call of calls) addCall(size.texts, call);
  }
  return { tokens: estimateTokens(size), hasImages: size.images > 0 };
}

function addContent(size: { readonly texts: string[]; images: number }, content: SpokenMessage["content"]): void {
  if (typeof content === "string") size.texts.push(content);
  else
    for (const part of content ?? [])
      if (part.type === "image_url") size.images += 1;
      else addText(size.texts, part.text);
}

function addCall(texts: string[], call: { readonly function?: unknown } | null): void {
  const called = call?.function as { readonly name?: unknown; readonly arguments?: unknown } | null | undefined;
  addText(texts, called?.name);
  addText(texts, called?.arguments);
}

function addText(texts: string[], text: unknown): void {
  if (typeof text === "string") texts.push(text);
}
