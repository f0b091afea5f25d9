import { addListed, addMembers } from "../added-members.js";
import type { CompletionFallback } from "../believable-usage.js";
import { ChunkEnvelope } from "../chunk-envelope.js";
import type { ChatChunk, ChatChunkChoice, ToolCallDelta } from "./read-event.js";

interface ToolCall {
  id: string | undefined;
  type: string;
  function: { name: string; arguments: string };
}

interface Choice {
  /** Members of the deltas by name, added up: text, reasoning, refusal, citations, … */
  readonly message: Record<string, unknown>;
  readonly toolCalls: Map<number, ToolCall>;
  /** What else a server says of a choice, such as vLLM's `stop_reason`. */
  readonly extras: Record<string, unknown>;
  finishReason: string | null;
  logprobs: { content: unknown[]; refusal: unknown[] } | null;
}

/** Folds the chunks of a stream into the `chat.completion` that a non-streaming backend would have sent. */
export class ChatAccumulator {
  readonly #choices = new Map<number, Choice>();
  readonly #envelope = new ChunkEnvelope();

  add(chunk: ChatChunk): void {
    this.#envelope.add(chunk);
    for (const choice of chunk.choices ?? []) this.#addChoice(choice);
  }

  completion(fallback: CompletionFallback): object {
    if (this.#choices.size === 0) this.#choices.set(0, emptyChoice());
    const choices = [...this.#choices].sort(([a], [b]) => a - b).map(([index, choice]) => toChoice(index, choice));
    return this.#envelope.around("chat.completion", choices, fallback);
  }

  #addChoice(from: ChatChunkChoice): void {
    const index = from.index ?? 0;
    const choice = this.#choices.get(index) ?? emptyChoice();
    this.#choices.set(index, choice);
    const { index: _index, delta, finish_reason, logprobs, ...extras } = from;
    if (finish_reason) choice.finishReason = finish_reason;
    addListed(choice.extras, extras);
    addLogprobs(choice, logprobs);
    const { role: _role, tool_calls: calls, ...rest } = delta ?? {};
    for (const call of calls ?? []) addToolCall(choice, call);
    addMembers(choice.message, rest);
  }
}

function emptyChoice(): Choice {
  return { message: {}, toolCalls: new Map(), extras: {}, finishReason: null, logprobs: null };
}

function addToolCall(choice: Choice, delta: ToolCallDelta): void {
  const index = delta.index ?? 0;
  const call = choice.toolCalls.get(index) ?? {
    id: undefined,
    type: "function",
    function: { name: "", arguments: "" },
  };
  choice.toolCalls.set(index, call);
  call.id ??= delta.id ?? undefined;
  call.type = delta.type ?? call.type;
  call.function.name ||= delta.function?.name ?? "";
  const { arguments: given } = delta.function ?? {};
  if (typeof given === "string") call.function.arguments += given;
}

function addLogprobs(choice: Choice, logprobs: unknown): void {
  if (typeof logprobs !== "object" || logprobs === null) return;
  const { content, refusal } = logprobs as { content?: unknown; refusal?: unknown };
  choice.logprobs ??= { content: [], refusal: [] };
  if (Array.isArray(content)) for (const each of content) choice.logprobs.content.push(each);
  if (Array.isArray(refusal)) for (const each of refusal) choice.logprobs.refusal.push(each);
}

function toChoice(index: number, choice: Choice): object {
  const calls = [...choice.toolCalls].sort(([a], [b]) => a - b).map(([, call]) => call);
  return {
    ...choice.extras,
    index,
    message: {
      role: "assistant",
      refusal: null,
      ...choice.message,
      content: choice.message["content"] ?? (calls.length > 0 ? null : ""),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    },
    logprobs: choice.logprobs,
    finish_reason: choice.finishReason ?? "stop",
  };
}
