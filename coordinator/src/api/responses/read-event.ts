import type { EventReading } from "../../dispatch/outbound-request.js";
import { errorReading } from "../chat-completions/read-event.js";
import type { NamedEvent } from "../translation/event-reply.js";
import { parseNamedEvent } from "../translation/named-events.js";

/** What one event of a backend that speaks Responses is. */
export function readResponsesEvent(data: string): EventReading {
  if (data === "[DONE]") return { kind: "done" };
  const parsed = parseNamedEvent(data);
  if (parsed === undefined) return { kind: "malformed" };
  switch (parsed.type) {
    case "error":
      return failureReading(parsed["error"] ?? parsed);
    case "response.failed":
    case "response.cancelled":
      return failureReading((parsed["response"] as { readonly error?: unknown } | undefined)?.error ?? parsed);
    case "response.completed":
    case "response.incomplete":
      return { kind: "content", parsed, finishes: true };
    case "response.output_item.added":
      return isCall(parsed["item"]) ? content(parsed) : { kind: "preamble", parsed };
  }
  return isTold(parsed) ? content(parsed) : { kind: "preamble", parsed };
}

const content = (parsed: NamedEvent): EventReading => ({ kind: "content", parsed, finishes: false });

/** A call has a name from the start; a message or a thought says nothing yet. */
function isCall(item: unknown): boolean {
  const { type, name } = (item ?? {}) as { readonly type?: unknown; readonly name?: unknown };
  return type !== "message" && type !== "reasoning" && typeof name === "string" && name !== "";
}

/** A delta that says something, or the end of something that was said. */
function isTold({ type, delta }: NamedEvent): boolean {
  return type.endsWith(".delta") ? delta !== "" && delta !== undefined && delta !== null : type.endsWith(".done");
}

const STATUSES: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  invalid_prompt: 400,
  invalid_request_error: 400,
};

function failureReading(error: unknown): EventReading {
  const reading = errorReading(error);
  const { code } = error as { readonly code?: unknown };
  if (reading.kind !== "error" || typeof code !== "string") return reading;
  return { ...reading, status: (Object.hasOwn(STATUSES, code) ? STATUSES[code] : undefined) ?? 502 };
}
