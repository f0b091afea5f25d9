import type { TemplateMessage } from "../text/chat-template.js";
import type { ChatMessage, RefusalPart, TextPart, ToolCall } from "./chat-request.js";

/**
 * The message as chat templates expect it: text parts in one text, no `null`, `developer` under its older name, and
 * arguments of calls as objects, without which a third of the usual templates fail or quote them twice.
 */
export function templateMessage(message: ChatMessage): TemplateMessage {
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content: textOf(message.content), ...named(message.name) };
    case "user":
      return { role: "user", content: textOf(message.content), ...named(message.name) };
    case "tool":
      return {
        role: "tool",
        content: textOf(message.content),
        ...(message.tool_call_id != null && { tool_call_id: message.tool_call_id }),
      };
    case "assistant":
      return {
        role: "assistant",
        content: textOf(message.content ?? message.refusal ?? ""),
        ...named(message.name),
        ...calls(message.tool_calls ?? []),
      };
  }
}

function textOf(content: string | readonly (TextPart | RefusalPart)[]): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : part.refusal)).join("\n");
}

function named(name: string | null | undefined): { name?: string } {
  return name == null ? {} : { name };
}

function calls(toolCalls: readonly ToolCall[]): Pick<TemplateMessage, "tool_calls"> {
  if (toolCalls.length === 0) return {};
  return {
    tool_calls: toolCalls.map(({ id, function: called }) => ({
      id,
      type: "function",
      function: { name: called.name, arguments: argumentsObject(called.arguments) },
    })),
  };
}

/** The arguments as an object; as the text they are if they are none, which only a model can have written. */
function argumentsObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    return typeof value === "object" && value !== null ? value : text;
  } catch {
    return text;
  }
}
