import { wholeArguments } from "../translation/whole-arguments.js";
import type { InputItem } from "./input-items.js";
import type { CreateResponseBody, Input } from "./parse.js";
import type { ToolSet } from "./tools.js";

/** Items that every backend knows that speaks Responses. */
const PLAIN_ITEMS: ReadonlySet<string> = new Set(["message", "reasoning", "function_call", "function_call_output"]);

/**
 * Whether a backend that speaks Responses can take a request as it came. It knows functions and what they return; the
 * rest is OpenAI's own, and is translated. So is what SDKs and agents write and llama-server (b11669) answers with an
 * error: 500 to a description that is `null` and to arguments that are no JSON, 400 to what an assistant said as a plain
 * text or refused, to thoughts without their text and to log probabilities. And so is the wish for one call at most: it
 * makes several.
 */
export function isNative(tools: ToolSet, body: CreateResponseBody, input: Input): boolean {
  if (!tools.isPlain || (body.top_logprobs ?? null) !== null) return false;
  if (!tools.isEmpty && body.parallel_tool_calls === false) return false;
  if ((body.tools ?? []).some((tool) => tool["description"] === null)) return false;
  return typeof input === "string" || input.every(isNativeItem);
}

function isNativeItem(item: InputItem): boolean {
  if (!PLAIN_ITEMS.has(item.type) || "namespace" in item) return false;
  switch (item.type) {
    case "message":
      return isNativeMessage(item);
    case "reasoning":
      return (item.content?.length ?? 0) > 0;
    case "function_call":
      return wholeArguments(item.arguments) === item.arguments;
    default:
      return true;
  }
}

/** Parts go by who said them, and a text without any is a person's. */
function isNativeMessage({ role, content }: Extract<InputItem, { readonly type: "message" }>): boolean {
  if (typeof content === "string") return role !== "assistant";
  return content.every(({ type }) => (role === "assistant" ? type === "output_text" : type.startsWith("input_")));
}
