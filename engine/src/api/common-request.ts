import { z } from "zod";
import { ApiError } from "./api-error.js";

/** OpenAI takes `null` for "not given" almost everywhere. */
export type Maybe<T> = T | null | undefined;

export function maybe<T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> {
  return schema.nullish();
}

/** Fields that both kinds of completion share. `top_k`, `min_p` and `repeat_penalty` are llama.cpp's. */
export interface CommonRequest {
  readonly model?: Maybe<string>;
  readonly stream?: Maybe<boolean>;
  readonly stream_options?: Maybe<{ readonly include_usage?: Maybe<boolean> }>;
  readonly max_tokens?: Maybe<number>;
  readonly temperature?: Maybe<number>;
  readonly top_p?: Maybe<number>;
  readonly top_k?: Maybe<number>;
  readonly min_p?: Maybe<number>;
  readonly seed?: Maybe<number>;
  readonly presence_penalty?: Maybe<number>;
  readonly frequency_penalty?: Maybe<number>;
  readonly repeat_penalty?: Maybe<number>;
  readonly stop?: Maybe<string | readonly string[]>;
  readonly prompt_cache_key?: Maybe<string>;
}

/** Bounds are OpenAI's. What would change the answer and is not supported is refused rather than ignored. */
export const commonRequestSchema: z.ZodType<CommonRequest> = z.object({
  model: maybe(z.string()),
  stream: maybe(z.boolean()),
  stream_options: maybe(z.object({ include_usage: maybe(z.boolean()) })),
  max_tokens: maybe(z.int().min(1)),
  temperature: maybe(z.number().min(0).max(2)),
  top_p: maybe(z.number().min(0).max(1)),
  top_k: maybe(z.int().min(0)),
  min_p: maybe(z.number().min(0).max(1)),
  seed: maybe(z.int()),
  presence_penalty: maybe(z.number().min(-2).max(2)),
  frequency_penalty: maybe(z.number().min(-2).max(2)),
  repeat_penalty: maybe(z.number().positive()),
  stop: maybe(z.union([z.string().min(1), z.array(z.string().min(1)).max(4)])),
  prompt_cache_key: maybe(z.string()),
  n: maybe(z.literal(1, "only one choice is supported")),
  logit_bias: maybe(z.record(z.string(), z.never("logit_bias is not supported"))),
});

/**
 * Checks a body against its schema.
 * @throws {ApiError} `invalid_request`, naming the first field at fault
 */
export function parseRequest<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = issue === undefined ? "" : pathText(issue.path);
  const where = param === "" ? "the body" : `'${param}'`;
  throw new ApiError("invalid_request", `Invalid value for ${where}: ${issue?.message ?? "unknown"}`, { param });
}

/** `messages[0].content`, as OpenAI writes it. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`))
    .join("");
}

/** The stop sequences as a list. */
export function stopList(stop: CommonRequest["stop"]): readonly string[] {
  if (typeof stop === "string") return [stop];
  return stop ?? [];
}
