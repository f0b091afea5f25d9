import type { ContextOverflow, HearthError } from "../platform/errors.js";

/** A prompt that is too long for its model: by how much is not always told. */
export type Overflow = Partial<ContextOverflow>;

/**
 * What backends say of it in their own words, of which few have a code. Sentences, as a word alone may stand in any
 * refusal: vLLM refuses a `max_tokens` that is too large with its maximum context length, and that is no fault of the
 * prompt.
 */
const WORDS: readonly RegExp[] = [
  /exceeds the available context size/i, // llama-server
  /context size has been exceeded/i, // llama-server
  /^this model's maximum context length is \d+ tokens\. however, /i, // OpenAI, vLLM
  /prompt \([a-z ]*length \d+\) is (?:longer than the maximum model length|too long to fit into the model)/i, // vLLM
  /input \(\d+ tokens\) is longer than the model's context length/i, // SGLang
  /model is loaded with (?:a )?context length of only \d+ tokens/i, // LM Studio
  /input length exceeds the context length/i, // Ollama
];

/** Backends of whom the code or type tells: OpenAI's own, llama-server's. */
const NAMES: ReadonlySet<unknown> = new Set(["context_length_exceeded", "exceed_context_size_error"]);

/** As far as an error message is read, characters. */
const READ_LENGTH = 4_096;

/** Whether an error says that the prompt is too long, in our own words or in a backend's. */
export function overflowOf({ code, details }: HearthError): Overflow | undefined {
  if (code === "context_length_exceeded") return details.overflow ?? {};
  if (code !== "request_rejected") return undefined;
  const { code: name, type, message, n_prompt_tokens, n_ctx } = upstreamOf(details.upstreamError);
  if (!NAMES.has(name) && !NAMES.has(type) && !saysSo(message)) return undefined;
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

function saysSo(message: unknown): boolean {
  if (typeof message !== "string") return false;
  const read = message.slice(0, READ_LENGTH);
  return WORDS.some((words) => words.test(read));
}

const countOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
