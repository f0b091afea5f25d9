import type { EventReading } from "../../dispatch/outbound-request.js";

/** A chunk as backends send it. Nothing in it is certain: backends differ. */
export interface ChatChunk {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly system_fingerprint?: string | null;
  readonly choices?: readonly ChatChunkChoice[];
  readonly usage?: unknown;
  readonly error?: unknown;
}

export interface ChatChunkChoice {
  readonly index?: number;
  readonly delta?: Readonly<Record<string, unknown>> | null;
  readonly finish_reason?: string | null;
  readonly logprobs?: unknown;
}

/** What one event of a chat completions backend is, by its parsed form. */
export function readChatEvent(data: string): EventReading {
  if (data === "[DONE]") return { kind: "done" };
  const parsed = parse(data);
  if (parsed === undefined) return { kind: "malformed" };
  if (parsed.error !== undefined && parsed.error !== null) return errorReading(parsed.error);
  const choice = parsed.choices?.[0];
  if (choice === undefined) {
    // The usage chunk has an empty list; anything else without choices (an id, a ping) says nothing.
    return parsed.usage ? { kind: "trailer", parsed } : { kind: "preamble", parsed };
  }
  if (choice.finish_reason) return { kind: "content", parsed, finishes: true };
  return isContent(choice.delta) ? { kind: "content", parsed, finishes: false } : { kind: "preamble", parsed };
}

function parse(data: string): ChatChunk | undefined {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const { choices } = value as ChatChunk;
    return choices === undefined || choices === null || Array.isArray(choices) ? (value as ChatChunk) : undefined;
  } catch {
    return undefined;
  }
}

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

function errorReading(error: unknown): EventReading {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  const status = typeof code === "number" && code >= 400 && code <= 599 ? code : 502;
  return { kind: "error", status, error };
}
