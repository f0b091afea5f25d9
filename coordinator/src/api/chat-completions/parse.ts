import { z } from "zod";
import { MAX_CHOICES } from "../../request/inference-request.js";
import { checkBody } from "../check-body.js";
import { FILE_DATA_ONLY } from "../documents/file-parts.js";
import { stopAtFirst } from "../json-body.js";

// What Hearth itself looks at. Everything else is the backend's business and passes through untouched.
// Where it must be text, backends fail over anything else, each in its own way.
const text = z.string();

const part = z
  .looseObject({ type: z.string(), text: z.unknown().optional() })
  .refine((given) => given.type !== "text" || typeof given.text === "string", {
    error: "expected a string",
    path: ["text"],
  })
  // By the time that a body is read, its text has taken the place of each file that is in it.
  .refine((given) => given.type !== "file", { error: FILE_DATA_ONLY, path: ["file", "file_data"] });

/** Some clients send the arguments themselves in place of their text. */
const called = z.looseObject({ name: text.min(1), arguments: z.union([text, z.looseObject({})]).nullish() });
/** A call of a custom tool. */
const freeform = z.looseObject({ name: text.min(1), input: text });

const toolCall = z.looseObject({
  id: text.nullish(),
  type: text.nullish(),
  function: called.nullish(),
  custom: freeform.nullish(),
});

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([text, stopAtFirst(z.array(part))]).nullish(),
  name: text.nullish(),
  reasoning_content: text.nullish(),
  tool_calls: stopAtFirst(z.array(toolCall)).nullish(),
  tool_call_id: text.nullish(),
  function_call: called.nullish(),
});

const declared = z.looseObject({
  name: text.min(1),
  description: text.nullish(),
  parameters: z.union([z.looseObject({}), z.boolean()], "expected a JSON Schema").nullish(),
});

const bound = z
  .int()
  .min(-1)
  .refine((tokens) => tokens !== 0, "expected at least 1, or -1 for no bound")
  .nullish();

export const chatCompletionSchema = z
  .looseObject({
    model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
    messages: stopAtFirst(z.array(message).min(1)),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: bound,
    max_completion_tokens: bound.meta({ description: "Reaches the backend as `max_tokens`, which all of them know." }),
    n: z
      .int()
      .min(1)
      .max(MAX_CHOICES)
      .nullish()
      .meta({ description: "Each answer is a run of the model; the prompt counts once." }),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    stop: z.union([z.string(), stopAtFirst(z.array(z.string()).max(16))]).nullish(),
    seed: z.number().nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: z.looseObject({ type: z.string() }).nullish(),
    tools: stopAtFirst(z.array(z.looseObject({ type: text, function: declared.nullish() }))).nullish(),
    functions: stopAtFirst(z.array(declared)).nullish().meta({ description: "The older form of `tools`." }),
    tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
  })
  .meta({ id: "CreateChatCompletionRequest" });

export type ChatCompletionBody = z.infer<typeof chatCompletionSchema>;
export type ChatMessage = ChatCompletionBody["messages"][number];
export type ToolCall = z.infer<typeof toolCall>;

/**
 * Checks a body that is a JSON object already.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function parseChatCompletion(value: unknown): ChatCompletionBody {
  return checkBody(chatCompletionSchema, value);
}
