import type { ChatMessage, ChatPart } from "./conversation.js";

type SystemMessage = Extract<ChatMessage, { role: "system" }>;
type UserMessage = Extract<ChatMessage, { role: "user" }>;
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
 * @param turns `free`: the template is known not to count them, and they stay as they are
 * @returns the same list where nothing changes
 */
export function settledTurns(
  messages: readonly ChatMessage[],
  turns: "counted" | "free" = "counted",
): readonly ChatMessage[] {
  const groups: ChatMessage[][] = [];
  for (const [index, message] of messages.entries()) {
    const group = groups.at(-1);
    const isPart = turns === "counted" || message.role === "system";
    if (group !== undefined && isPart && belongsTo(group[0] as ChatMessage, message, groups.length === 1)) {
      group.push(message);
    } else groups.push([index > 0 && message.role === "system" ? reminderTurn(message) : message]);
  }
  const settled = groups.map(joined);
  return settled.length === messages.length && settled.every((turn, index) => turn === messages[index])
    ? messages
    : settled;
}

const reminderTurn = ({ content }: SystemMessage): UserMessage => ({ role: "user", content: asReminder(content) });

/** Whether a message is one with those before it, of which this is the first. */
function belongsTo(first: ChatMessage, { role, content }: ChatMessage, isHead: boolean): boolean {
  switch (first.role) {
    case "system":
      return isHead && role === "system";
    case "user":
      return role === "user" || role === "system";
    case "tool":
      // Behind a result no user's turn may follow where turns are counted. Results hold texts only.
      return role === "system" || (role === "user" && partsOf(content ?? "").every(({ type }) => type === "text"));
    case "assistant":
      return role === "assistant";
  }
}

function joined(turn: readonly ChatMessage[]): ChatMessage {
  const [first, ...others] = turn as [ChatMessage, ...ChatMessage[]];
  if (others.length === 0) return first;
  switch (first.role) {
    case "system":
      return { role: "system", content: paragraphs(turn.map(({ content }) => content as string)) };
    case "user":
      return { role: "user", content: joinedUsers(turn as readonly (UserMessage | SystemMessage)[]) };
    case "tool":
      return { ...first, content: paragraphs([first.content, ...others.flatMap(besideResult)]) };
    case "assistant":
      return joinedAssistants(turn as readonly AssistantMessage[]);
  }
}

function joinedUsers(turn: readonly (UserMessage | SystemMessage)[]): UserMessage["content"] {
  const contents = turn.map((message) => (message.role === "system" ? reminderTurn(message) : message).content);
  const texts = contents.filter((content) => typeof content === "string");
  return texts.length === contents.length ? paragraphs(texts) : contents.flatMap(partsOf);
}

const partsOf = (content: UserMessage["content"]): readonly ChatPart[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

/** What is said beside the result of a tool, told from it. What a client has marked by itself is so already. */
function besideResult({ role, content }: ChatMessage): readonly string[] {
  if (role === "system") return [asReminder(content)];
  const texts = partsOf(content ?? "").flatMap((part) => (part.type === "text" ? [part.text] : []));
  return texts.map((text) => (/^\s*<system-reminder>/.test(text) ? text : `The user says:\n${text}`));
}

function joinedAssistants(turn: readonly AssistantMessage[]): AssistantMessage {
  const calls = turn.flatMap((message) => message.tool_calls ?? []);
  const thoughts = turn.flatMap(({ reasoning_content: thought }) => thought ?? []);
  const said = turn.flatMap(({ content }) => content ?? []);
  return {
    role: "assistant",
    content: said.length === 0 ? null : paragraphs(said),
    ...(thoughts.length === 0 ? {} : { reasoning_content: paragraphs(thoughts) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const paragraphs = (texts: readonly string[]): string => texts.filter((text) => text !== "").join("\n\n");
