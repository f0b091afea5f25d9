import type { EventReading } from "../../dispatch/outbound-request.js";
import { errorReading } from "../chat-completions/read-event.js";
import type { NamedEvent } from "../translation/event-reply.js";
import { parseNamedEvent } from "../translation/named-events.js";
import { statusOfType } from "./error-body.js";

/** What one event of a backend that speaks Messages is. */
export function readMessagesEvent(data: string): EventReading {
  const parsed = parseNamedEvent(data);
  if (parsed === undefined) return { kind: "malformed" };
  const { error } = parsed;
  if (error !== undefined && error !== null) return failureReading(error);
  switch (parsed.type) {
    case "content_block_start":
      return isEmpty(parsed["content_block"]) ? { kind: "preamble", parsed } : content(parsed);
    case "content_block_delta":
      return isEmpty(parsed["delta"]) ? { kind: "preamble", parsed } : content(parsed);
    case "message_delta":
      return content(parsed);
    case "message_stop":
      return { kind: "content", parsed, finishes: true };
    case "error":
      return { kind: "error", status: 502, error: parsed };
  }
  return { kind: "preamble", parsed };
}

const content = (parsed: NamedEvent): EventReading => ({ kind: "content", parsed, finishes: false });

/** A block or a delta that says nothing: all its texts are empty. A tool call has its name. */
function isEmpty(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return true;
  return !Object.entries(part).some(([key, value]) => key !== "type" && typeof value === "string" && value !== "");
}

function failureReading(error: unknown): EventReading {
  const reading = errorReading(error);
  const { type, code } = error as { readonly type?: unknown; readonly code?: unknown };
  if (reading.kind !== "error" || typeof code === "number" || type === undefined) return reading;
  return { ...reading, status: statusOfType(type) };
}
