import { z } from "zod";
import { HearthError, invalidMember } from "../../platform/errors.js";
import { MAX_CHOICES } from "../../request/inference-request.js";
import { checkBody } from "../check-body.js";
import { stopAtFirst } from "../json-body.js";
import { estimateTokens } from "../prompt-size.js";

const tokens = stopAtFirst(z.array(z.int()).min(1));

export const completionSchema = z
  .looseObject({
    model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
    prompt: z
      .union([z.string(), stopAtFirst(z.array(z.string()).min(1)), tokens, stopAtFirst(z.array(tokens).min(1))])
      .meta({ description: "One prompt. Token ids need a backend that speaks this API natively." }),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: z.int().min(-1).nullish().meta({ description: "-1 = no bound; 0 only with `echo`." }),
    n: z
      .int()
      .min(1)
      .max(MAX_CHOICES)
      .nullish()
      .meta({ description: "Each answer is a run of the model; the prompt counts once." }),
    best_of: z.int().min(1).nullish().meta({ description: "No other than `n`." }),
    echo: z.boolean().nullish(),
    suffix: z.string().nullish().meta({ description: "Needs a backend that speaks this API natively." }),
    logprobs: z.int().min(0).max(20).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    stop: z.union([z.string(), stopAtFirst(z.array(z.string()).max(16))]).nullish(),
    seed: z.number().nullish(),
  })
  .meta({ id: "CreateCompletionRequest" });

export type CompletionBody = z.infer<typeof completionSchema>;

/** A body that Hearth can serve, and its one prompt. */
export interface ParsedCompletion {
  readonly body: CompletionBody;
  /** `undefined` where it is token ids. */
  readonly prompt: string | undefined;
  readonly promptTokens: number;
}

/** @throws HearthError `invalid_request` with the path of the first offending member as `param` */
export function parseCompletion(value: unknown): ParsedCompletion {
  const body = checkBody(completionSchema, value);
  if ((body.best_of ?? body.n ?? 1) !== (body.n ?? 1)) {
    throw new HearthError("invalid_request", "Every answer is given back: 'best_of' can only be what 'n' is.", {
      param: "best_of",
    });
  }
  if (body.max_tokens === 0 && body.echo !== true) {
    throw invalidMember("max_tokens", "0 leaves nothing to answer but with 'echo'");
  }
  const prompt = onePrompt(body.prompt);
  if (typeof prompt !== "string") return { body, prompt: undefined, promptTokens: prompt.length };
  return { body, prompt, promptTokens: estimateTokens({ texts: [prompt], messages: 0, images: 0 }) };
}

/** The text, or the token ids. */
function onePrompt(prompt: CompletionBody["prompt"]): string | readonly number[] {
  if (typeof prompt === "string" || typeof prompt[0] === "number") return prompt as string | number[];
  const [only, ...others] = prompt as (string | number[])[];
  if (only !== undefined && others.length === 0) return only;
  throw invalidMember("prompt", "only one prompt a request is supported");
}
