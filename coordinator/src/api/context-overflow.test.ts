import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { errorResponse, openAiErrorBody } from "./error-envelope.js";
import { messagesErrorBody } from "./messages/error-body.js";

const rejected = (upstreamError: unknown, status = 400): HearthError =>
  new HearthError("request_rejected", "The backend rejected this request.", { status, upstreamError });

/** What backends answer to a prompt that is too long, as their users report it. */
const TOO_LONG: readonly (readonly [backend: string, error: { readonly message: string } | string])[] = [
  [
    "llama-server",
    {
      code: 400,
      message: "the request exceeds the available context size, try increasing it",
      type: "exceed_context_size_error",
      n_prompt_tokens: 14_429,
      n_ctx: 8_192,
    } as { readonly message: string },
  ],
  [
    "vLLM",
    {
      message:
        "This model's maximum context length is 4096 tokens. However, you requested 5012 tokens (4500 in the messages, 512 in the completion). Please reduce the length of the messages or completion.",
      type: "BadRequestError",
    } as { readonly message: string },
  ],
  ["vLLM's engine", { message: "The decoder prompt (length 5000) is longer than the maximum model length of 4096." }],
  ["SGLang", { message: "The input (61709 tokens) is longer than the model's context length (40960 tokens)." }],
  [
    "LM Studio",
    "Trying to keep the first 10136 tokens when context the overflows. However, the model is loaded with context length of only 7866 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input.",
  ],
  [
    "LM Studio's engine",
    {
      message:
        "Input does not fit in context length. The input has 31430 tokens, but the context length only supports 30000 tokens.",
    },
  ],
  ["vLLM, in short", { message: "This model's maximum context length is 4096 tokens" }],
  [
    "TGI",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`",
  ],
  ["oMLX", "Prompt too long: 9000 tokens exceeds max context window of 8192 tokens"],
  ["Anthropic", { message: "prompt is too long: 9000 tokens > 8192 maximum" }],
  ["Ollama", { message: "the input length exceeds the context length" }],
];

describe.each(TOO_LONG)("%s's words for a prompt that is too long", (_backend, upstream) => {
  const words = typeof upstream === "string" ? upstream : upstream.message;

  it("are kept, with the code that OpenAI's clients look for", () => {
    const { status, headers, body } = errorResponse(rejected(upstream, 422));
    expect({ status, headers }).toEqual({ status: 400, headers: { "x-should-retry": "false" } });
    expect(body).toEqual({
      error: {
        message: words,
        type: "invalid_request_error",
        param: "messages",
        code: "context_length_exceeded",
      },
    });
  });

  it("begin as Anthropic's do in Messages", () => {
    const { error } = messagesErrorBody(rejected(upstream));
    expect(error.type).toBe("invalid_request_error");
    const isCounted = typeof upstream === "object" && "n_ctx" in upstream;
    const own = words.replace(/^prompt is too long: /, "");
    expect(error.message).toBe(`prompt is too long: ${isCounted ? "14429 tokens > 8192 maximum" : own}`);
  });
});

it.each([
  "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 100 input tokens (5000 > 4096 - 100).",
  "the system prompt mentions its context length",
  "grammar is broken",
])("takes no other refusal for it: %s", (message) => {
  expect(openAiErrorBody(rejected({ message })).error).toMatchObject({ message, code: null, param: null });
  expect(messagesErrorBody(rejected({ message })).error.message).toBe(message);
});

it("is seen only where the request was at fault", () => {
  const failed = new HearthError("provider_error", "Failed.", { upstreamError: { type: "exceed_context_size_error" } });
  expect(openAiErrorBody(failed).error).toMatchObject({ type: "server_error", code: "provider_error" });
});
