import type { ChatChunk, ChatChunkChoice } from "./read-event.js";

interface ToolCall {
  id: string | undefined;
  type: string;
  function: { name: string; arguments: string };
}

interface Choice {
  /** Text-valued members of the deltas (`content`, `reasoning_content`, `refusal`, …), concatenated. */
  readonly texts: Map<string, string>;
  readonly others: Map<string, unknown>;
  readonly toolCalls: Map<number, ToolCall>;
  finishReason: string | null;
  logprobs: { content: unknown[]; refusal: unknown[] } | null;
}

/** Folds the chunks of a stream into the `chat.completion` that a non-streaming backend would have sent. */
export class ChatAccumulator {
  readonly #choices = new Map<number, Choice>();
  #head: ChatChunk | undefined;
  #usage: unknown;

  add(chunk: ChatChunk): void {
    this.#head ??= chunk;
    if (chunk.usage) this.#usage = chunk.usage;
    for (const choice of chunk.choices ?? []) this.#addChoice(choice);
  }

  /** @param fallback stands in for what the backend never said */
  completion(fallback: { readonly id: string; readonly model: string; readonly created: number }): object {
    return {
      id: this.#head?.id ?? fallback.id,
      object: "chat.completion",
      created: this.#head?.created ?? fallback.created,
      model: this.#head?.model ?? fallback.model,
      ...(this.#head?.system_fingerprint ? { system_fingerprint: this.#head.system_fingerprint } : {}),
      choices:
        this.#choices.size === 0 ? [toChoice(0, emptyChoice())] : [...this.#choices].map(([i, c]) => toChoice(i, c)),
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    };
  }

  #addChoice(from: ChatChunkChoice): void {
    const index = from.index ?? 0;
    const choice = this.#choices.get(index) ?? emptyChoice();
    this.#choices.set(index, choice);
    if (from.finish_reason) choice.finishReason = from.finish_reason;
    addLogprobs(choice, from.logprobs);
    for (const [key, value] of Object.entries(from.delta ?? {})) addDelta(choice, key, value);
  }
}

function emptyChoice(): Choice {
  return { texts: new Map(), others: new Map(), toolCalls: new Map(), finishReason: null, logprobs: null };
}

function addDelta(choice: Choice, key: string, value: unknown): void {
  if (key === "role" || value === null || value === undefined) return;
  if (key === "tool_calls" && Array.isArray(value))
    for (const call of value) addToolCall(choice, call as ToolCallDelta);
  else if (typeof value === "string") choice.texts.set(key, (choice.texts.get(key) ?? "") + value);
  else choice.others.set(key, value);
}

interface ToolCallDelta {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

function addToolCall(choice: Choice, delta: ToolCallDelta): void {
  const index = delta.index ?? 0;
  const call = choice.toolCalls.get(index) ?? {
    id: undefined,
    type: "function",
    function: { name: "", arguments: "" },
  };
  choice.toolCalls.set(index, call);
  call.id ??= delta.id;
  call.type = delta.type ?? call.type;
  call.function.name += delta.function?.name ?? "";
  call.function.arguments += delta.function?.arguments ?? "";
}

function addLogprobs(choice: Choice, logprobs: unknown): void {
  if (typeof logprobs !== "object" || logprobs === null) return;
  const { content, refusal } = logprobs as { content?: unknown; refusal?: unknown };
  choice.logprobs ??= { content: [], refusal: [] };
  if (Array.isArray(content)) choice.logprobs.content.push(...content);
  if (Array.isArray(refusal)) choice.logprobs.refusal.push(...refusal);
}

function toChoice(index: number, choice: Choice): object {
  const calls = [...choice.toolCalls].sort(([a], [b]) => a - b).map(([, call]) => call);
  const content = choice.texts.get("content");
  return {
    index,
    message: {
      role: "assistant",
      refusal: null,
      ...Object.fromEntries(choice.others),
      ...Object.fromEntries(choice.texts),
      content: content ?? (calls.length > 0 ? null : ""),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    },
    logprobs: choice.logprobs,
    finish_reason: choice.finishReason ?? "stop",
  };
}
