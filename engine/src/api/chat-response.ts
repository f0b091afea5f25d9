import type { Usage } from "../model/generate.js";

/** What all parts of one answer have in common. */
export interface AnswerIdentity {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export type ChatFinish = "stop" | "length" | "tool_calls";

export interface WireUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

export interface WireToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** OpenAI's `delta`. */
export interface ChatDelta {
  readonly role?: "assistant";
  readonly content?: string;
  readonly tool_calls?: readonly [ToolCallDelta];
}

/** The first delta of a call has its id and its name, the following ones a piece of its arguments. */
export type ToolCallDelta =
  | ({ readonly index: number } & WireToolCall)
  | { readonly index: number; readonly function: { readonly arguments: string } };

/** How a choice ended. */
export interface ChoiceEnd<Finish extends string | null> {
  readonly finish_reason: Finish;
  /** The stop sequence that ended it, under vLLM's name: OpenAI has none. */
  readonly stop_reason?: string;
}

/** @param stop the stop sequence that was found, `undefined` for none */
export function choiceEnd<Finish extends string>(finish: Finish, stop: string | undefined): ChoiceEnd<Finish> {
  return { finish_reason: finish, ...(stop === undefined ? {} : { stop_reason: stop }) };
}

export interface ChatChunk extends AnswerIdentity {
  readonly object: "chat.completion.chunk";
  readonly choices: readonly ({
    readonly index: 0;
    readonly delta: ChatDelta;
    readonly logprobs: null;
  } & ChoiceEnd<ChatFinish | null>)[];
  /** Only where the request asked for it: the figures in a last chunk without choices, `null` in all others. */
  readonly usage?: WireUsage | null;
}

export interface ChatCompletion extends AnswerIdentity {
  readonly object: "chat.completion";
  readonly choices: readonly [
    ChoiceEnd<ChatFinish> & {
      readonly index: 0;
      readonly message: {
        readonly role: "assistant";
        readonly content: string | null;
        readonly refusal: null;
        readonly tool_calls?: readonly WireToolCall[];
      };
      readonly logprobs: null;
    },
  ];
  readonly usage: WireUsage;
}

export function wireUsage({ promptTokens, completionTokens, cachedTokens }: Usage): WireUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
