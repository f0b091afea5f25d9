import { digestOf } from "../../platform/digest.js";
import type { KnownConversation } from "../../request/inference-request.js";
import type { SpokenMessage } from "./spoken-message.js";

/** How much of a conversation's beginning tells it from others, characters: less than 1 ms of hashing. */
const OPENING_LENGTH = 64 * 1024;

/**
 * What a conversation is known by while it grows: its instructions and what its user said first. Every later request
 * of it repeats both.
 */
export function conversationOf(messages: readonly SpokenMessage[]): KnownConversation {
  const said: string[] = [];
  for (const { role, content } of messages) {
    // The newer name of instructions is the same to a model.
    said.push(role === "developer" ? "system" : role, ...textsOf(content));
    if (role === "user") break;
  }
  return { opening: digestOf(...startOf(said)), continued: messages.some(({ role }) => isAnswer(role)) };
}

const isAnswer = (role: string): boolean => role === "assistant" || role === "tool" || role === "function";

function textsOf(content: SpokenMessage["content"]): readonly string[] {
  return typeof content === "string" ? [content] : (content ?? []).map(textOf);
}

/** The text of a part, or the address of its image. */
function textOf(part: Exclude<SpokenMessage["content"], string | null | undefined>[number]): string {
  const { type, text } = part;
  if (typeof text === "string") return text;
  const { image_url: image } = part as { readonly image_url?: { readonly url?: unknown } | null };
  return typeof image?.url === "string" ? image.url : type;
}

function startOf(texts: readonly string[]): readonly string[] {
  let left = OPENING_LENGTH;
  return texts.map((text) => {
    const told = text.slice(0, left);
    left -= told.length;
    return told;
  });
}
