/** How much is asked of a server beyond plain chat completions. */
export type RequestForm = "tuned" | "counted" | "plain";

/** In the order in which they are tried: a strict server refuses fields that it does not know. */
export const REQUEST_FORMS: readonly RequestForm[] = ["tuned", "counted", "plain"];

export interface BenchRequest {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
}

/**
 * The body of a chat completion request.
 *
 * `ignore_eos` has llama.cpp and vLLM write on to the limit, and `cache_prompt` has llama.cpp read the whole prompt
 * (its server's README; both tried with b11669). Servers that do not know them mostly pass them over.
 */
export function requestBody(form: RequestForm, { model, prompt, maxTokens }: BenchRequest): Uint8Array {
  const plain = {
    model,
    messages: [{ role: "user", content: prompt }],
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
  };
  return Buffer.from(JSON.stringify({ ...plain, ...extrasOf(form) }));
}

function extrasOf(form: RequestForm): object {
  const counted = { stream_options: { include_usage: true } };
  switch (form) {
    case "tuned":
      return { ...counted, ignore_eos: true, cache_prompt: false };
    case "counted":
      return counted;
    case "plain":
      return {};
  }
}
