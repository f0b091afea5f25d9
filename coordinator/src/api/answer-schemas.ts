import { z } from "zod";
import { ERROR_CODES } from "./error-envelope.js";

// What consumers get back, for the API's description. Answers are not checked against this at run time: most of a
// chat answer is the backend's own.

const count = z.int().min(0);
const seconds = z.int().min(0).meta({ description: "Seconds since 1970." });
const finishReason = z.enum(["stop", "length", "tool_calls", "content_filter", "function_call"]);
const dollars = z.string().regex(/^\d+(\.\d+)?$/);
const texts = z.string().nullish();

export const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable().meta({ description: "The member of the request that is at fault." }),
      code: z
        .string()
        .nullable()
        .meta({ description: `One of ${ERROR_CODES.join(", ")}; or a backend's own, where it refused the request.` }),
    }),
  })
  .meta({ description: "OpenAI's form of an error." });

export const messagesErrorSchema = z
  .object({
    type: z.literal("error"),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string().optional(),
  })
  .meta({ description: "Anthropic's form of an error." });

const pricing = z.object({ prompt: dollars, completion: dollars, input_cache_read: dollars });

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: seconds,
  owned_by: z.string(),
  type: z.literal("model"),
  display_name: z.string(),
  created_at: z.iso.datetime(),
  context_length: count.optional().meta({ description: "Of the machine with the longest; absent: nobody says." }),
  architecture: z.object({ input_modalities: z.array(z.string()), output_modalities: z.array(z.string()) }),
  supported_parameters: z.array(z.string()).meta({ description: "What is known to be honoured." }),
  features: z
    .object({ tools: z.boolean(), structured_output: z.boolean(), logprobs: z.boolean(), reasoning: z.boolean() })
    .partial()
    .meta({ description: "False: no machine does it. Absent: nobody has said." }),
  quantizations: z.array(z.string()),
  pricing: pricing.optional().meta({
    description:
      "The most that a token costs now, US dollars; of an alias, of all its builds. Absent: all is free here.",
  }),
  price_range: z.object({ platform: pricing, cheapest: pricing, dearest: pricing }).optional().meta({
    description:
      "The platform's price, which holds where a machine's owner asks none of their own; and the least and the most that the connected machines ask, amount by amount.",
  }),
  availability: z
    .object({
      status: z.enum(["ready", "busy", "unavailable"]),
      providers: count.meta({ description: "Connected machines that serve it to this caller." }),
      warm: count.meta({ description: "Those that have it in memory." }),
      free_slots: count.meta({ description: "Requests that would be served at once." }),
    })
    .meta({ description: "What would come of a request at this moment: an answer, a wait or a refusal." }),
});

export const modelListSchema = z.object({
  object: z.literal("list"),
  data: z.array(modelSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

const usageSchema = z.looseObject({ prompt_tokens: count, completion_tokens: count, total_tokens: count });

const toolCall = z.looseObject({
  id: z.string(),
  type: z.string(),
  function: z.object({ name: z.string(), arguments: z.string().meta({ description: "JSON, as the model wrote it." }) }),
});

const message = z.looseObject({
  role: z.literal("assistant"),
  content: z.string().nullable(),
  refusal: z.string().nullable(),
  reasoning_content: texts,
  tool_calls: z.array(toolCall).optional(),
});

export const chatCompletionAnswerSchema = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: seconds,
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: count,
      message,
      logprobs: z.looseObject({}).nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage: usageSchema,
});

const toolCallDelta = z.looseObject({
  index: count,
  id: z.string().optional().meta({ description: "In the first delta of a call only, as are `type` and `name`." }),
  type: z.string().optional(),
  function: z.looseObject({ name: z.string().optional(), arguments: z.string().optional() }).optional(),
});

export const chatCompletionChunkSchema = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion.chunk"),
  created: seconds,
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: count,
      delta: z.looseObject({
        role: texts,
        content: texts,
        reasoning_content: texts,
        tool_calls: z.array(toolCallDelta).nullish(),
      }),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
});

export const completionAnswerSchema = z.looseObject({
  id: z.string(),
  object: z.literal("text_completion"),
  created: seconds,
  model: z.string(),
  choices: z.array(
    z.looseObject({
      text: z.string(),
      index: count,
      logprobs: z.looseObject({}).nullable(),
      finish_reason: z.enum(["stop", "length", "content_filter"]).nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
});

export const embeddingAnswerSchema = z.looseObject({
  object: z.literal("list"),
  data: z.array(
    z.looseObject({
      object: z.literal("embedding"),
      index: count,
      embedding: z.union([z.array(z.number()), z.string()]).meta({ description: "As `encoding_format` asked for it." }),
    }),
  ),
  model: z.string(),
  usage: z.looseObject({ prompt_tokens: count, total_tokens: count }),
});

export const responseSchema = z.looseObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: seconds,
  status: z.enum(["completed", "incomplete", "failed", "in_progress"]),
  model: z.string(),
  output: z.array(z.looseObject({ type: z.string() })),
});

export const compactedResponseSchema = z.object({
  id: z.string(),
  object: z.literal("response.compaction"),
  created_at: seconds,
  output: z.array(z.looseObject({ id: z.string(), type: z.literal("compaction"), encrypted_content: z.string() })),
  usage: z.looseObject({ input_tokens: count, output_tokens: count, total_tokens: count }),
});

export const responseEventSchema = z.looseObject({
  type: z.string().meta({ description: "`response.created`, `response.output_text.delta`, … `response.completed`." }),
  sequence_number: count,
});

export const messageSchema = z.looseObject({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string(),
  content: z.array(z.looseObject({ type: z.string() })),
  stop_reason: z.string().nullable(),
  stop_sequence: z.string().nullable(),
  usage: z.looseObject({ input_tokens: count, output_tokens: count }),
});

export const messageEventSchema = z.looseObject({
  type: z.string().meta({ description: "`message_start`, `content_block_delta`, … `message_stop`." }),
});

export const tokenCountSchema = z.object({ input_tokens: count });

export const inputTokensSchema = z.object({ object: z.literal("response.input_tokens"), input_tokens: count });
