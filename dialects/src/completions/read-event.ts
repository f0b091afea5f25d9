import { readChunk } from "../chat-completions/read-event.js";
import { errorReading } from "../error-status.js";
import { failureOf } from "../finish-failure.js";
import { type EventReading, isEndMark } from "../kinds.js";

/** A chunk of a legacy completion as backends send it. Nothing in it is certain. */
export interface TextChunk {
  readonly id?: string;
  readonly object?: string;
  readonly created?: number;
  readonly model?: string;
  readonly choices?: readonly TextChoice[];
  readonly usage?: object | null;
  readonly [member: string]: unknown;
}

export interface TextChoice {
  readonly index?: number;
  readonly text?: string;
  readonly logprobs?: unknown;
  readonly finish_reason?: string | null;
}

/** What one event of a backend that speaks legacy completions is. */
export function readCompletionEvent(data: string): EventReading {
  if (isEndMark(data)) return { kind: "done" };
  return readChunk(data, (chunk) => readTextChunk(chunk as TextChunk));
}

/** What a chunk is that has been parsed. */
export function readTextChunk(parsed: TextChunk): EventReading {
  if (!(parsed.choices ?? []).every(isTextChoice)) return { kind: "malformed" };
  const choice = parsed.choices?.[0];
  if (choice === undefined) return parsed.usage ? { kind: "trailer", parsed } : { kind: "preamble", parsed };
  const failure = failureOf(parsed.choices ?? []);
  if (failure !== undefined) return errorReading(failure);
  const finishes = Boolean(choice.finish_reason);
  const generates = Boolean(choice.text);
  return finishes || generates ? { kind: "content", parsed, finishes, generates } : { kind: "preamble", parsed };
}

function isTextChoice({ text, finish_reason: reason }: TextChoice): boolean {
  return isTextOrAbsent(text) && isTextOrAbsent(reason);
}

const isTextOrAbsent = (value: unknown): boolean => value === undefined || value === null || typeof value === "string";
