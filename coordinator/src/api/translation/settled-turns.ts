import type { ChatMessage, ChatPart } from "./conversation.js";

type SystemMessage = Extract<ChatMessage, { role: "system" }>;
type UserMessage = Extract<ChatMessage, { role: "user" }>;
type ToolMessage = Extract<ChatMessage, { role: "tool" }>;
type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;

/**
 * Instructions that came in mid-conversation, as a user's turn may say them: Claude Code marks its own like this, and
 * models are used to it.
 */
export function asReminder(text: string): string {
  return `<system-reminder>\n${text}\n</system-reminder>`;
}

/**
 * A conversation in the one form that every chat template was seen to take. Some refuse a system message that is not
 * the first (Qwen 3.5, Mistral) or drop it unseen (gpt-oss), some demand that user and assistant take turns, calls of
 * tools and their results not counted (Mistral, Gemma). So what the system says later on is a marked part of the turn
 * that it follows, which keeps it in its place, and with it the prefix that backends have cached; and who speaks twice
 * in a row does so in one message.
 *
 * @returns the same list where nothing changes
 */
export function settledTurns(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const settled: ChatMessage[] = [];
  let changed = false;
  for (const message of messages) {
    const last = settled.at(-1);
    const joined = last === undefined ? undefined : join(last, message);
    if (joined !== undefined) settled[settled.length - 1] = joined;
    else settled.push(last !== undefined && message.role === "system" ? reminderTurn(message) : message);
    changed ||= settled.at(-1) !== message;
  }
  return changed ? settled : messages;
}

const reminderTurn = ({ content }: SystemMessage): UserMessage => ({ role: "user", content: asReminder(content) });

/** Two messages as one; `undefined` where they are two turns. */
function join(last: ChatMessage, next: ChatMessage): ChatMessage | undefined {
  switch (last.role) {
    case "system":
      return undefined;
    case "user":
      if (next.role === "system") return joinUsers(last, reminderTurn(next));
      return next.role === "user" ? joinUsers(last, next) : undefined;
    case "tool":
      return joinResult(last, next);
    case "assistant":
      return next.role === "assistant" ? joinAssistants(last, next) : undefined;
  }
}

function joinUsers({ content: before }: UserMessage, { content: after }: UserMessage): UserMessage {
  if (typeof before === "string" && typeof after === "string")
    return { role: "user", content: joinTexts(before, after) };
  return { role: "user", content: [...partsOf(before), ...partsOf(after)] };
}

const partsOf = (content: UserMessage["content"]): readonly ChatPart[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

/** Behind the result of a tool no user's turn may follow where turns are counted: what is said there is said with it. */
function joinResult(result: ToolMessage, next: ChatMessage): ToolMessage | undefined {
  if (next.role === "system") return { ...result, content: joinTexts(result.content, asReminder(next.content)) };
  if (next.role !== "user") return undefined;
  const parts = partsOf(next.content);
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (texts.length < parts.length) return undefined;
  return { ...result, content: texts.map(asUsers).reduce(joinTexts, result.content) };
}

/** Words of the user beside a result, told from it. What a client has marked by itself is so already. */
function asUsers(text: string): string {
  return /^\s*<system-reminder>/.test(text) ? text : `The user says:\n${text}`;
}

function joinAssistants(before: AssistantMessage, after: AssistantMessage): AssistantMessage {
  const calls = [...(before.tool_calls ?? []), ...(after.tool_calls ?? [])];
  const thoughts = [before.reasoning_content, after.reasoning_content].filter((text) => text !== undefined);
  const said = [before.content, after.content].filter((text) => text !== null);
  return {
    role: "assistant",
    content: said.length === 0 ? null : said.reduce(joinTexts),
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.reduce(joinTexts) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** As paragraphs. */
function joinTexts(before: string, after: string): string {
  return before === "" || after === "" ? before + after : `${before}\n\n${after}`;
}
