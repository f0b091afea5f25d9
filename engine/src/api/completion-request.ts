import { z } from "zod";
import { type CommonRequest, commonRequestSchema, maybe } from "./common-request.js";

/** The body of POST /v1/completions. */
export interface CompletionRequest extends CommonRequest {
  readonly prompt: string;
}

const singlePrompt = z
  .array(z.string())
  .length(1)
  .transform((prompts) => prompts[0] ?? "");

export const completionRequestSchema: z.ZodType<CompletionRequest> = commonRequestSchema.and(
  z.object({
    prompt: z.union([z.string(), singlePrompt], "one text is supported"),
    echo: maybe(z.literal(false, "echo is not supported")),
    suffix: maybe(z.literal("", "suffix is not supported")),
    best_of: maybe(z.literal(1, "best_of is not supported")),
    logprobs: maybe(z.never("logprobs are not supported")),
  }),
);
