import { errorIn } from "../error-forms.js";
import { errorReading } from "../error-status.js";
import { failureOf } from "../finish-failure.js";
import { type EventReading, isEndMark } from "../kinds.js";
import { isObject, parseProviderJson } from "../provider-json.js";
import { plainChoice } from "./plain-choice.js";

/** A chunk as backends send it. Nothing in it is certain: backends differ. */
export interface ChatChunk {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices?: readonly ChatChunkChoice[];
  readonly usage?: ChatUsage | null;
  readonly [member: string]: unknown;
}

export interface ChatChunkChoice {
  readonly index?: number;
  readonly delta?: ChatDelta | null;
  readonly finish_reason?: string | null;
  readonly logprobs?: unknown;
}

export interface ChatDelta {
  readonly role?: string | null;
  readonly content?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[] | null;
  readonly [member: string]: unknown;
}

export interface ToolCallDelta {
  readonly index?: number;
  readonly id?: string | null;
  readonly type?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: unknown } | null;
  readonly [member: string]: unknown;
}

export interface ChatUsage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly [member: string]: unknown;
}

/** What one event of a chat completions backend is, by its parsed form. */
export function readChatEvent(data: string): EventReading {
  if (isEndMark(data)) return { kind: "done" };
  return readChunk(data, readChatChunk);
}

/** What a chunk is that has been parsed. */
export function readChatChunk(parsed: ChatChunk): EventReading {
  if (!(parsed.choices ?? []).every(isChatChoice)) return { kind: "malformed" };
  const choice = parsed.choices?.[0];
  if (choice === undefined) {
    // The usage chunk has an empty list; anything else without choices (an id, a ping) says nothing.
    return parsed.usage ? { kind: "trailer", parsed } : { kind: "preamble", parsed };
  }
  const failure = failureOf(parsed.choices ?? []);
  if (failure !== undefined) return errorReading(failure);
  const finishes = Boolean(choice.finish_reason);
  const generates = isContent(plainChoice(choice).delta);
  return finishes || generates ? { kind: "content", parsed, finishes, generates } : { kind: "preamble", parsed };
}

/** Reads an event of either older dialect: what stands beside an error does not matter. Servers send `null` to stay awake. */
export function readChunk(data: string, read: (chunk: ChatChunk) => EventReading): EventReading {
  const value = parseProviderJson(data);
  if (value === null) return read({});
  if (!isObject(value)) return { kind: "malformed" };
  const error = errorIn(value);
  if (!isAbsent(error)) return errorReading(error);
  const chunk = asChunk(value);
  return chunk === undefined ? { kind: "malformed" } : read(chunk);
}

/** An object whose `choices`, if it has any, are a list of objects, and whose usage, if it has any, is an object. */
export function asChunk(value: Readonly<Record<string, unknown>>): ChatChunk | undefined {
  const { choices, usage } = value;
  if (!isAbsent(choices) && !(Array.isArray(choices) && choices.every(isObject))) return undefined;
  return isAbsent(usage) || isObject(usage) ? (value as ChatChunk) : undefined;
}

/** Whatever the repair, the folds and the translators rely on. */
function isChatChoice(choice: ChatChunkChoice): boolean {
  const { delta, finish_reason: reason } = plainChoice(choice);
  if (!isAbsent(reason) && typeof reason !== "string") return false;
  if (isAbsent(delta)) return true;
  return isObject(delta) && (isAbsent(delta.tool_calls) || isCallList(delta.tool_calls));
}

function isCallList(calls: unknown): boolean {
  return (
    Array.isArray(calls) &&
    calls.every((call: unknown) => isObject(call) && (isAbsent(call["function"]) || isObject(call["function"])))
  );
}

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

/** Text, reasoning, a tool call or a refusal; a role or an empty string is not. */
function isContent(delta: ChatChunkChoice["delta"]): boolean {
  if (!delta) return false;
  for (const key in delta) {
    if (key !== "role" && isNonEmpty(delta[key])) return true;
  }
  return false;
}

function isNonEmpty(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
}
