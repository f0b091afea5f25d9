import { errorReading } from "../error-status.js";
import type { EventReading } from "../kinds.js";
import { type NamedEvent, parseNamedEvent } from "../named-events.js";

/** What one event of a backend that speaks Messages is. */
export function readMessagesEvent(data: string): EventReading {
  const parsed = parseNamedEvent(data);
  if (parsed === undefined) return { kind: "malformed" };
  const { error } = parsed;
  if (error !== undefined && error !== null) return errorReading(error);
  switch (parsed.type) {
    case "content_block_start":
      return isEmpty(parsed["content_block"]) ? { kind: "preamble", parsed } : content(parsed, true);
    case "content_block_delta":
      return isEmpty(parsed["delta"]) ? { kind: "preamble", parsed } : content(parsed, true);
    case "message_delta":
      return content(parsed, false);
    case "message_stop":
      return { kind: "content", parsed, finishes: true, generates: false };
    case "error":
      return errorReading(parsed);
  }
  return { kind: "preamble", parsed };
}

const content = (parsed: NamedEvent, generates: boolean): EventReading => ({
  kind: "content",
  parsed,
  finishes: false,
  generates,
});

/** A block or a delta that says nothing: all its texts are empty. A tool call has its name. */
function isEmpty(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return true;
  return !Object.entries(part).some(([key, value]) => key !== "type" && typeof value === "string" && value !== "");
}
