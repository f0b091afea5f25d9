import type { BackendDialect, Usage } from "@hearth/protocol";
import { readInputUsage, readMessagesUsage, readResponsesUsage, readUsage } from "./token-usage.js";

/** What one event says, as far as the agent has to know; an absent member is nothing of the kind. */
export interface EventFacts {
  /** It is, or has, something that is not a role or an id. */
  readonly content?: boolean;
  /** The dialect's own end. */
  readonly ends?: boolean;
  /** What has been counted by now, as far as it tells. */
  readonly usage?: Partial<Usage> | undefined;
  /** The backend's error inside a 200. */
  readonly error?: unknown;
}

/** How to read the events of one dialect. */
export interface EventGrammar {
  /** Events have names, and only one of them ends the stream: neither `[DONE]` nor the end of the body does. */
  readonly named: boolean;
  /**
   * Whether an event cannot tell anything new once there has been content: saves parsing nearly all of them.
   *
   * @param name what its `event:` line says; empty where there is none before the data
   */
  isPlain(name: string, data: string): boolean;
  read(event: object): EventFacts;
}

const NOTHING: EventFacts = {};

/** The grammar of a dialect. An embeddings answer has no events. */
export function grammarOf(dialect: BackendDialect): EventGrammar {
  switch (dialect) {
    case "chat_completions":
    case "completions":
    case "embeddings":
      return CHAT;
    case "messages":
      return MESSAGES;
    case "responses":
      return RESPONSES;
  }
}

interface ChatEvent {
  readonly choices?: unknown;
  readonly usage?: unknown;
  readonly error?: unknown;
}

/** Chat and text completions. */
const CHAT: EventGrammar = {
  named: false,
  // llama.cpp, vLLM and Ollama begin an error with its member. Counts may stand in any event.
  isPlain: (_name, data) => !data.includes('"usage"') && !data.startsWith('{"error"'),
  read(event) {
    const { choices, usage, error } = event as ChatEvent;
    if (isPresent(error)) return { error };
    return { content: Array.isArray(choices) && hasChoiceContent(choices[0]), usage: readUsage(usage) };
  },
};

/** A choice of a chat chunk has a delta, one of a text completion has text. */
function hasChoiceContent(choice: unknown): boolean {
  if (typeof choice !== "object" || choice === null) return false;
  const { delta, text } = choice as { readonly delta?: object | null; readonly text?: unknown };
  if (typeof text === "string" && text !== "") return true;
  return Object.entries(delta ?? {}).some(([key, value]) => key !== "role" && value !== null && value !== "");
}

interface NamedEvent {
  readonly type?: unknown;
  readonly error?: unknown;
}

interface MessagesEvent extends NamedEvent {
  readonly message?: { readonly usage?: unknown } | null;
  readonly content_block?: unknown;
  readonly delta?: unknown;
  readonly usage?: unknown;
}

/** Anthropic's Messages. */
const MESSAGES: EventGrammar = {
  named: true,
  isPlain: (name) => name === "content_block_delta",
  read(event) {
    const { type, message, content_block, delta, usage, error } = event as MessagesEvent;
    if (isPresent(error) || type === "error") return { error: error ?? event };
    switch (type) {
      case "message_start":
        // vLLM (at 0561ec4) has it beside the message instead of in it. What it says of the output is a placeholder.
        return { usage: readInputUsage(message?.usage ?? usage) };
      case "content_block_start":
        return { content: hasText(content_block) };
      case "content_block_delta":
        return { content: hasText(delta) };
      case "message_delta":
        return { usage: readMessagesUsage(usage) };
      case "message_stop":
        return { ends: true };
    }
    return NOTHING;
  },
};

/** A block or a delta with a text that is not empty. A tool call has its name. */
function hasText(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return false;
  return Object.entries(part).some(([key, value]) => key !== "type" && typeof value === "string" && value !== "");
}

interface ResponsesEvent extends NamedEvent {
  readonly response?: { readonly usage?: unknown; readonly error?: unknown } | null;
  readonly item?: { readonly type?: unknown } | null;
  readonly delta?: unknown;
}

/** OpenAI's Responses. */
const RESPONSES: EventGrammar = {
  named: true,
  isPlain: (name) => name.endsWith(".delta"),
  read(event) {
    const { type, response, item, delta, error } = event as ResponsesEvent;
    switch (type) {
      case "error":
        return { error: error ?? event };
      case "response.failed":
      case "response.cancelled":
        return { error: response?.error ?? event, usage: readResponsesUsage(response?.usage) };
      case "response.completed":
      case "response.incomplete":
        return { ends: true, usage: readResponsesUsage(response?.usage) };
      case "response.output_item.added":
        return { content: item?.type !== "message" && item?.type !== "reasoning" };
    }
    if (isPresent(error)) return { error };
    return { content: typeof type === "string" && type.endsWith(".delta") && isPresent(delta) && delta !== "" };
  },
};

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
