import { z } from "zod";
import { invalidMember } from "../../platform/errors.js";
import { checkBody } from "../check-body.js";
import { stopAtFirst } from "../json-body.js";
import { type InputItem, item, untypedMessage } from "./input-items.js";
import { isMended, mendedItem } from "./mended-items.js";
import { tool, toolChoice } from "./tool-schemas.js";

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

/** By the time that a body is read, an answer that is kept has taken the place of its id. */
const previousResponse = z.null("nothing is stored: send the whole conversation as 'input'").optional();
const conversation = z
  .null("no conversations are kept here: send all of it as 'input', or go on with 'previous_response_id'")
  .optional();

const input = z.union([z.string(), stopAtFirst(z.array(z.union([item, untypedMessage])).min(1))]);

/** What counting takes, and what asking takes beside it. */
const prompt = {
  instructions: z.string().nullish(),
  tools: stopAtFirst(z.array(tool))
    .nullish()
    .meta({
      description:
        "Functions, namespaces of functions, custom tools, and those that a client runs itself: local_shell, shell, " +
        "apply_patch and tool_search. Those that run on OpenAI's servers are left out and named in `X-Hearth-Ignored`.",
    }),
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
  truncation: z
    .literal("disabled", "no input is shortened here: send what fits, and leave 'truncation' out")
    .nullish()
    .meta({ description: "`auto` is refused: an input that is too long is an error, never cut." }),
  previous_response_id: previousResponse,
  conversation,
};

/** −1 is what clients of llama-server, Ollama and LM Studio write for none. */
const bound = z
  .int()
  .min(-1)
  .refine((tokens) => tokens !== 0, "expected at least 1, or -1 for no bound")
  .nullish();

const penalty = z.number().min(-2).max(2).nullish();

export const createResponseSchema = z
  .looseObject({
    model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
    input,
    ...prompt,
    stream: z.boolean().nullish(),
    max_output_tokens: bound,
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
    include: stopAtFirst(z.array(z.string())).nullish(),
    metadata: z.record(z.string(), z.string()).nullish().meta({ description: "At most 16 members." }),
    service_tier: z
      .enum(["auto", "default"], "expected 'auto' or 'default': there is one tier here")
      .nullish()
      .meta({ description: "Any other tier is refused: there is one." }),
    store: z
      .boolean()
      .nullish()
      .meta({ description: "Kept for a while unless `false`, so that later requests may refer to it." }),
    user: z.string().nullish(),
    safety_identifier: z.string().nullish(),
    prompt_cache_key: z.string().nullish(),
    prompt: z.null("templates of prompts are not kept here").optional(),
    background: z.literal(false, "a response is made while its consumer waits").nullish(),
  })
  .meta({ id: "CreateResponseRequest" });

export const countInputTokensSchema = z
  .looseObject({ model: z.string().min(1).max(128).nullish(), input: input.nullish(), ...prompt })
  .meta({
    id: "CountInputTokensRequest",
    description: "The answer is an estimate: the coordinator has no model's tokenizer.",
  });

/** A request for a response that leaves its input out where it goes on with an earlier one. */
export const compactResponseSchema = createResponseSchema
  .extend({ input: input.nullish() })
  .meta({ id: "CompactResponseRequest" });

export type CreateResponseBody = z.infer<typeof createResponseSchema>;
/** What a body says to a model, apart from how it is to answer. */
export type PromptBody = Pick<CreateResponseBody, "instructions" | "tools" | "tool_choice">;

/** A body that Hearth can serve, and its input with every message typed. */
export interface ParsedResponse {
  readonly body: CreateResponseBody;
  readonly input: Input;
  /** Some item came in a form that only we read. */
  readonly isMended: boolean;
}

export type Input = string | readonly InputItem[];

/**
 * Checks a body that is a JSON object already.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function parseCreateResponse(value: Readonly<Record<string, unknown>>): ParsedResponse {
  checkMetadata(value["metadata"]);
  const { mended, isMended } = mendedBody(value);
  const body = checkBody(createResponseSchema, mended);
  return { body, input: body.input as Input, isMended };
}

/**
 * Checks a body whose input is only to be counted.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function parseCountInputTokens(value: Readonly<Record<string, unknown>>): {
  readonly body: PromptBody;
  readonly input: Input;
} {
  const body = checkBody(countInputTokensSchema, mendedBody(value).mended);
  return { body, input: (body.input ?? []) as Input };
}

type Body = Readonly<Record<string, unknown>>;

/** The same body, every item of its input in the form of the specification. */
function mendedBody(value: Body): { readonly mended: Body; readonly isMended: boolean } {
  const { input: given } = value;
  if (!Array.isArray(given)) return { mended: value, isMended: false };
  refuseReferences(given);
  const input = given.map(mendedItem);
  return { mended: { ...value, input }, isMended: input.some((each, index) => isMended(given[index], each)) };
}

/** Members that `metadata` may have, as at OpenAI. */
const MAX_METADATA = 16;

/** Before anything looks at the members one by one. */
function checkMetadata(metadata: unknown): void {
  if (typeof metadata !== "object" || metadata === null || Object.keys(metadata).length <= MAX_METADATA) return;
  throw invalidMember("metadata", `more than ${MAX_METADATA} members`);
}

/** Said before the schema has its say, because the remedy is the client's to take. */
function refuseReferences(input: readonly unknown[]): void {
  for (const [index, each] of input.entries()) {
    if ((each as { readonly type?: unknown } | null)?.type !== "item_reference") continue;
    const param = `input[${index}]`;
    throw invalidMember(
      param,
      `nothing is stored that an 'item_reference' could mean; set 'store' to false, so that your client sends the item itself`,
    );
  }
}
