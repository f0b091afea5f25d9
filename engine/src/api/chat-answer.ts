import type { GenerationEvent, Usage } from "../model/generate.js";
import { type AnswerPart, ToolCallParser } from "../text/tool-call-parser.js";
import type { ChatFinish } from "./chat-response.js";

/** Parts of a chat answer, then one `end`; or `cancelled`. */
export type ChatEvent =
  | AnswerPart
  | { readonly type: "end"; readonly finish: ChatFinish; readonly stop?: string | undefined; readonly usage: Usage }
  | { readonly type: "cancelled" };

/** Reads tool calls out of what the model writes, if it was given tools. */
export async function* chatAnswer(
  events: AsyncIterable<GenerationEvent>,
  options: { readonly tools: boolean },
): AsyncGenerator<ChatEvent> {
  const parser = new ToolCallParser();
  for await (const event of events) {
    switch (event.type) {
      case "text":
        if (options.tools) yield* parser.push(event.text);
        else yield event;
        break;
      case "end":
        yield* parser.end();
        // Where one call is all that may be, its end is a stop sequence of our own.
        yield event.finish === "stop" && parser.calls > 0 ? { ...event, finish: "tool_calls", stop: undefined } : event;
        return;
      case "cancelled":
        yield event;
        return;
    }
  }
}
