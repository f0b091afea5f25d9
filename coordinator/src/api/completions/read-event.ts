import type { EventReading } from "../../dispatch/outbound-request.js";
import { errorReading, parseChunk } from "../chat-completions/read-event.js";

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
  if (data === "[DONE]") return { kind: "done" };
  const parsed = parseChunk(data) as (TextChunk & { readonly error?: unknown }) | undefined;
  if (parsed === undefined || !(parsed.choices ?? []).every(isTextChoice)) return { kind: "malformed" };
  if (parsed.error !== undefined && parsed.error !== null) return errorReading(parsed.error);
  const choice = parsed.choices?.[0];
  if (choice === undefined) return parsed.usage ? { kind: "trailer", parsed } : { kind: "preamble", parsed };
  if (choice.finish_reason) return { kind: "content", parsed, finishes: true };
  return choice.text ? { kind: "content", parsed, finishes: false } : { kind: "preamble", parsed };
}

function isTextChoice({ text, finish_reason: reason }: TextChoice): boolean {
  return isTextOrAbsent(text) && isTextOrAbsent(reason);
}

const isTextOrAbsent = (value: unknown): boolean => value === undefined || value === null || typeof value === "string";
