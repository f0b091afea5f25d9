import { ApiError } from "./errors.js";
import { eventsOf } from "./events.js";
import { send } from "./request.js";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatWishes {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number | undefined;
}

/** What an answer's headers tell of where it came from. */
export interface AnswerSource {
  readonly requestId: string | undefined;
  readonly provider: string | undefined;
  readonly trust: string | undefined;
  readonly chip: string | undefined;
  readonly model: string | undefined;
  readonly attempts: string | undefined;
  readonly receiptId: string | undefined;
  /** Microseconds by what they were spent on. */
  readonly timing: Readonly<Record<string, number>>;
}

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  /** US dollars; absent = nothing has a price. */
  readonly cost?: number;
}

export type ChatEvent =
  | { readonly type: "source"; readonly source: AnswerSource }
  | { readonly type: "text"; readonly text: string; readonly isReasoning: boolean }
  | { readonly type: "usage"; readonly usage: ChatUsage }
  | { readonly type: "finish"; readonly reason: string };

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly reasoning?: string | null;
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: ChatUsage | null;
  readonly error?: { readonly message?: string; readonly code?: string };
}

/** Asks for a chat completion as any program would, and tells what comes. @throws ApiError also for errors within the stream */
export async function* chat(
  { model, messages, maxTokens }: ChatWishes,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent, void> {
  const response = await send("/v1/chat/completions", {
    method: "POST",
    body: {
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    },
    signal,
  });
  yield { type: "source", source: sourceOf(response.headers) };
  for await (const { data } of eventsOf(response)) {
    if (data === "[DONE]") return;
    yield* eventsOfChunk(JSON.parse(data) as Chunk);
  }
}

function* eventsOfChunk({ choices = [], usage, error }: Chunk): Generator<ChatEvent, void> {
  if (error !== undefined)
    throw new ApiError("failed", error.message ?? "The answer broke off.", { status: 200, code: error.code });
  const { delta, finish_reason: finish } = choices[0] ?? {};
  const reasoning = delta?.reasoning_content ?? delta?.reasoning;
  if (reasoning) yield { type: "text", text: reasoning, isReasoning: true };
  if (delta?.content) yield { type: "text", text: delta.content, isReasoning: false };
  if (usage != null) yield { type: "usage", usage };
  if (finish != null) yield { type: "finish", reason: finish };
}

export function sourceOf(headers: Headers): AnswerSource {
  const read = (name: string): string | undefined => headers.get(name) ?? undefined;
  return {
    requestId: read("X-Request-Id"),
    provider: read("X-Provider-Id"),
    trust: read("X-Provider-Trust-Level"),
    chip: read("X-Provider-Chip"),
    model: read("X-Provider-Model"),
    attempts: read("X-Attempts"),
    receiptId: read("X-Receipt-Id"),
    timing: timingOf(read("X-Timing")),
  };
}

function timingOf(text: string | undefined): Readonly<Record<string, number>> {
  try {
    return text === undefined ? {} : (JSON.parse(text) as Record<string, number>);
  } catch {
    return {};
  }
}
