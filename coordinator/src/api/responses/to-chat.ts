import type { BodyText } from "../json/body-text.js";
import { answerBound } from "../member-edits.js";
import type { CreateResponseBody } from "./parse.js";
import type { ToolSet } from "./tools.js";

/** Everything else that has a meaning in chat completions. */
export function toChatSettings(
  body: CreateResponseBody,
  tools: ToolSet,
  text: BodyText,
): Readonly<Record<string, unknown>> {
  const { temperature, top_p, parallel_tool_calls: parallel } = body;
  return {
    ...boundOf(body),
    ...(typeof temperature === "number" ? { temperature } : {}),
    ...(typeof top_p === "number" ? { top_p } : {}),
    ...(body.text?.verbosity ? { verbosity: body.text.verbosity } : {}),
    ...(wantsLogprobs(body) ? { logprobs: true, top_logprobs: body.top_logprobs ?? 0 } : {}),
    ...responseFormat(body, text),
    ...tools.choice(body),
    ...(!tools.isEmpty && typeof parallel === "boolean" ? { parallel_tool_calls: parallel } : {}),
  };
}

/** How long the answer may be. */
export function boundOf({ max_output_tokens: written }: CreateResponseBody): object {
  const bound = answerBound(written);
  return bound === undefined ? {} : { max_tokens: bound };
}

/** Whether the probabilities of the answer's tokens are asked for. */
export function wantsLogprobs({ include, top_logprobs: top }: CreateResponseBody): boolean {
  return include?.includes("message.output_text.logprobs") === true || (top ?? 0) > 0;
}

function responseFormat({ text: settings }: CreateResponseBody, text: BodyText): object {
  const format = settings?.format;
  if (!format || format.type === "text") return {};
  if (format.type === "json_object") return { response_format: { type: "json_object" } };
  const { name, description, strict } = format;
  const json_schema = {
    name,
    ...(description ? { description } : {}),
    schema: text.at(["text", "format", "schema"], format.schema),
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
  return { response_format: { type: "json_schema", json_schema } };
}
