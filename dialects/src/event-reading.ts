import { readChatEvent } from "./chat-completions/read-event.js";
import { readCompletionEvent } from "./completions/read-event.js";
import type { EventReading } from "./kinds.js";
import { readMessagesEvent } from "./messages/read-event.js";
import type { NamedEvent } from "./named-events.js";
import { readResponsesEvent } from "./responses/read-event.js";
import {
  type PartialUsage,
  readChunkUsage,
  readInputUsage,
  readMessagesUsage,
  readResponsesUsage,
} from "./token-usage.js";

/** Dialects that answer with server-sent events. */
export type EventDialectName = "chat_completions" | "completions" | "responses" | "messages";

/** How to read the events of one dialect. */
export interface EventGrammar {
  /** Events have names, and only one of them ends the stream: neither `[DONE]` nor the end of the body does. */
  readonly named: boolean;
  /** Reads the `data` of one event. Never throws. */
  read(data: string): EventReading;
  /**
   * Whether an event cannot tell anything new once there has been content: saves parsing nearly all of them.
   *
   * @param name what its `event:` line says; empty where there is none before the data
   */
  isPlain(name: string, data: string): boolean;
  /** What has been counted by now, as far as this event tells. */
  usage(parsed: unknown): PartialUsage | undefined;
}

/** The grammar of a dialect. */
export function grammarOf(dialect: EventDialectName): EventGrammar {
  return GRAMMARS[dialect];
}

/** Counts and errors may stand in any event. One that only finishes holds no token. Quotes within texts are escaped. */
const TELLS_MORE = /"usage"|"finish_reason": ?"|"error"/;
// What has no choices may be an error in a form of its own.
const isPlainChunk = (_name: string, data: string): boolean => data.includes('"choices"') && !TELLS_MORE.test(data);

const GRAMMARS: Readonly<Record<EventDialectName, EventGrammar>> = {
  chat_completions: { named: false, read: readChatEvent, isPlain: isPlainChunk, usage: readChunkUsage },
  completions: { named: false, read: readCompletionEvent, isPlain: isPlainChunk, usage: readChunkUsage },
  messages: {
    named: true,
    read: readMessagesEvent,
    isPlain: (name) => name === "content_block_delta",
    usage(parsed) {
      const { type, message, usage } = parsed as NamedEvent & { readonly message?: { readonly usage?: unknown } };
      // vLLM (at 0561ec4) has it beside the message instead of in it. What it says of the output is a placeholder.
      if (type === "message_start") return readInputUsage(message?.usage ?? usage);
      return type === "message_delta" ? readMessagesUsage(usage) : undefined;
    },
  },
  responses: {
    named: true,
    read: readResponsesEvent,
    isPlain: (name) => name.endsWith(".delta"),
    usage: (parsed) =>
      readResponsesUsage((parsed as { readonly response?: { readonly usage?: unknown } }).response?.usage),
  },
};
