import { z } from "zod";
import { HearthError } from "../../platform/errors.js";
import { checkBody, stopAtFirst } from "../json-body.js";

const inputText = z.looseObject({ type: z.literal("input_text"), text: z.string() });
const outputText = z.looseObject({ type: z.literal("output_text"), text: z.string() });
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });
const inputImage = z.looseObject({
  type: z.literal("input_image"),
  image_url: z.string("images are taken as data URIs only: there are no files to refer to"),
  detail: z.string().nullish(),
});
const inputAudio = z.looseObject({ type: z.literal("input_audio"), input_audio: z.looseObject({}) });

const UNSUPPORTED_PART = { error: "this type of content is not supported" };

const part = z.discriminatedUnion("type", [inputText, outputText, refusal, inputImage, inputAudio], UNSUPPORTED_PART);

const messageMembers = {
  role: z.enum(["user", "assistant", "system", "developer"]),
  content: z.union([z.string(), stopAtFirst(z.array(part))]),
};
const message = z.looseObject({ type: z.literal("message"), ...messageMembers });
/** Messages may leave their type out. They are given it before the schema sees them. */
const untypedMessage = z.looseObject({ type: z.null().optional(), ...messageMembers });

const functionCall = z.looseObject({
  type: z.literal("function_call"),
  call_id: z.string().min(1),
  name: z.string().min(1),
  arguments: z.string(),
});

const functionCallOutput = z.looseObject({
  type: z.literal("function_call_output"),
  call_id: z.string().min(1),
  output: z.union([
    z.string(),
    stopAtFirst(z.array(z.discriminatedUnion("type", [inputText, inputImage, outputText], UNSUPPORTED_PART))),
  ]),
});

const texts = stopAtFirst(z.array(z.looseObject({ text: z.string() })));

const reasoning = z.looseObject({
  type: z.literal("reasoning"),
  summary: texts.nullish(),
  content: texts.nullish(),
  encrypted_content: z.string().nullish(),
});

const item = z.discriminatedUnion("type", [message, functionCall, functionCallOutput, reasoning], {
  error: "this type of item is not supported",
});

const tool = z.looseObject({
  type: z.literal("function", "only function tools are supported"),
  name: z.string().min(1).max(128),
  description: z.string().nullish(),
  parameters: z.looseObject({}).nullish(),
  strict: z.boolean().nullish(),
});

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion(
    "type",
    [
      z.looseObject({ type: z.literal("function"), name: z.string().min(1) }),
      z.looseObject({
        type: z.literal("allowed_tools"),
        mode: z.enum(["auto", "required"]),
        tools: stopAtFirst(z.array(z.looseObject({ type: z.literal("function"), name: z.string().min(1) })).min(1)),
      }),
    ],
    { error: "only function tools are supported" },
  ),
]);

const format = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("text") }),
    z.looseObject({ type: z.literal("json_object") }),
    z.looseObject({
      type: z.literal("json_schema"),
      name: z.string().min(1).max(64),
      description: z.string().nullish(),
      schema: z.looseObject({}),
      strict: z.boolean().nullish(),
    }),
  ],
  { error: "expected one of 'text', 'json_object', 'json_schema'" },
);

/** Nothing is kept between requests, so that nothing can be referred to. */
const stored = z.null("nothing is stored: send the whole conversation as 'input'").optional();

const penalty = z.number().min(-2).max(2).nullish();

export const createResponseSchema = z
  .looseObject({
    model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
    input: z.union([z.string(), stopAtFirst(z.array(z.union([item, untypedMessage])).min(1))]),
    instructions: z.string().nullish(),
    stream: z.boolean().nullish(),
    max_output_tokens: z.int().min(1).nullish(),
    max_tool_calls: z
      .int()
      .min(1)
      .nullish()
      .meta({ description: "A bound on calls of tools that the server runs: there are none here." }),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    presence_penalty: penalty,
    frequency_penalty: penalty,
    tools: stopAtFirst(z.array(tool)).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    text: z.looseObject({ format: format.nullish(), verbosity: z.string().nullish() }).nullish(),
    reasoning: z
      .looseObject({
        effort: z.string().nullish(),
        summary: z.string().nullish(),
        generate_summary: z.string().nullish().meta({ description: "The older name of `summary`." }),
      })
      .nullish(),
    include: stopAtFirst(z.array(z.string())).nullish(),
    metadata: z.record(z.string(), z.string()).nullish().meta({ description: "At most 16 members." }),
    truncation: z
      .literal("disabled", "no input is shortened here: send what fits, and leave 'truncation' out")
      .nullish()
      .meta({ description: "`auto` is refused: an input that is too long is an error, never cut." }),
    service_tier: z
      .enum(["auto", "default"], "expected 'auto' or 'default': there is one tier here")
      .nullish()
      .meta({ description: "Any other tier is refused: there is one." }),
    store: z.boolean().nullish().meta({ description: "Taken, but nothing is stored; the answer says `false`." }),
    user: z.string().nullish(),
    safety_identifier: z.string().nullish(),
    prompt_cache_key: z.string().nullish(),
    previous_response_id: stored,
    conversation: stored,
    prompt: z.null("templates of prompts are not kept here").optional(),
    background: z.literal(false, "a response is made while its consumer waits").nullish(),
  })
  .meta({ id: "CreateResponseRequest" });

export type CreateResponseBody = z.infer<typeof createResponseSchema>;
export type InputItem = z.infer<typeof item>;
export type ContentPart = z.infer<typeof part>;
export type ResponseTool = z.infer<typeof tool>;

/** A body that Hearth can serve, and its input with every message typed. */
export interface ParsedResponse {
  readonly body: CreateResponseBody;
  readonly input: string | readonly InputItem[];
}

/**
 * Checks a body that is a JSON object already.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function parseCreateResponse(value: Readonly<Record<string, unknown>>): ParsedResponse {
  const { input: given } = value;
  if (Array.isArray(given)) refuseReferences(given);
  const typed = Array.isArray(given) ? { ...value, input: given.map(withType) } : value;
  checkMetadata(value["metadata"]);
  const body = checkBody(createResponseSchema, typed);
  const input = body.input as ParsedResponse["input"];
  checkToolChoice(body);
  return { body, input };
}

/** Members that `metadata` may have, as at OpenAI. */
const MAX_METADATA = 16;

/** Before anything looks at the members one by one. */
function checkMetadata(metadata: unknown): void {
  if (typeof metadata !== "object" || metadata === null || Object.keys(metadata).length <= MAX_METADATA) return;
  throw new HearthError("invalid_request", `Invalid 'metadata': more than ${MAX_METADATA} members.`, {
    param: "metadata",
  });
}

function withType(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return ((value as { readonly type?: unknown }).type ?? null) === null ? { ...value, type: "message" } : value;
}

/** Said before the schema has its say, because the remedy is the client's to take. */
function refuseReferences(input: readonly unknown[]): void {
  for (const [index, each] of input.entries()) {
    if ((each as { readonly type?: unknown } | null)?.type !== "item_reference") continue;
    const param = `input[${index}]`;
    const message = `Invalid '${param}': nothing is stored that an 'item_reference' could mean; set 'store' to false, so that your client sends the item itself.`;
    throw new HearthError("invalid_request", message, { param });
  }
}

function checkToolChoice({ tools, tool_choice: choice }: CreateResponseBody): void {
  if (typeof choice !== "object" || choice === null) return;
  const named = choice.type === "function" ? [choice] : choice.tools;
  const known = new Set(tools?.map(({ name }) => name));
  const unknown = named.find(({ name }) => !known.has(name));
  if (unknown === undefined) return;
  throw new HearthError("invalid_request", `Invalid 'tool_choice': no tool is named '${unknown.name}'.`, {
    param: "tool_choice",
  });
}
