import { saysOverflow } from "@hearth/dialects";
import type { ContextOverflow, HearthError } from "../platform/errors.js";

/** A prompt that is too long for its model: by how much is not always told. */
export type Overflow = Partial<ContextOverflow>;

/** Whether an error says that the prompt is too long, in our own words or in a backend's. */
export function overflowOf({ code, details }: HearthError): Overflow | undefined {
  if (code === "context_length_exceeded") return details.overflow ?? {};
  if (code !== "request_rejected") return undefined;
  const upstream = upstreamOf(details.upstreamError);
  if (!saysOverflow(upstream)) return undefined;
  const { n_prompt_tokens, n_ctx } = upstream;
  const prompt = countOf(n_prompt_tokens);
  const context = countOf(n_ctx);
  return {
    ...(prompt === undefined ? {} : { promptTokens: prompt }),
    ...(context === undefined ? {} : { contextTokens: context }),
  };
}

/** A backend's error as an object: some tell but a sentence. */
export function upstreamOf(error: unknown): Readonly<Record<string, unknown>> {
  if (typeof error === "string") return { message: error };
  return typeof error === "object" && error !== null ? (error as Record<string, unknown>) : {};
}

const countOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
