import { errorReading } from "../error-status.js";
import { type EventReading, isEndMark } from "../kinds.js";
import { type NamedEvent, parseNamedEvent } from "../named-events.js";

/** What one event of a backend that speaks Responses is. */
export function readResponsesEvent(data: string): EventReading {
  if (isEndMark(data)) return { kind: "done" };
  const parsed = parseNamedEvent(data);
  if (parsed === undefined) return { kind: "malformed" };
  switch (parsed.type) {
    case "error":
      return errorReading(parsed["error"] ?? parsed);
    case "response.failed":
    case "response.cancelled":
      return errorReading((parsed["response"] as { readonly error?: unknown } | undefined)?.error ?? parsed);
    case "response.completed":
    case "response.incomplete":
      return { kind: "content", parsed, finishes: true, generates: false };
    case "response.output_item.added":
      return isCall(parsed["item"]) ? content(parsed) : { kind: "preamble", parsed };
  }
  return isTold(parsed) ? content(parsed) : { kind: "preamble", parsed };
}

const content = (parsed: NamedEvent): EventReading => ({
  kind: "content",
  parsed,
  finishes: false,
  generates: !parsed.type.endsWith(".done"),
});

/** A call has a name from the start; a message or a thought says nothing yet. */
function isCall(item: unknown): boolean {
  const { type, name } = (item ?? {}) as { readonly type?: unknown; readonly name?: unknown };
  return type !== "message" && type !== "reasoning" && typeof name === "string" && name !== "";
}

/** A delta that says something, or the end of something that was said. */
function isTold({ type, delta }: NamedEvent): boolean {
  return type.endsWith(".delta") ? delta !== "" && delta !== undefined && delta !== null : type.endsWith(".done");
}
