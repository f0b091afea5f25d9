/**
 * What servers say of a prompt that is too long for the context, in their own words, of which few have a code.
 * Sentences, as a word alone may stand in any refusal: vLLM refuses a `max_tokens` that is too large with its maximum
 * context length, and that is no fault of the prompt.
 */
const WORDS: readonly RegExp[] = [
  /exceeds the available context size/i, // llama-server
  /context size has been exceeded/i, // llama-server
  /^this model's maximum context length is \d+ tokens(?:\. however, |$)/i, // OpenAI, vLLM
  /prompt \([a-z ]*length \d+\) is (?:longer than the maximum model length|too long to fit into the model)/i, // vLLM
  /input \(\d+ tokens\) is longer than the model's context length/i, // SGLang
  /input does not fit in (?:the )?context length/i, // LM Studio
  /model is loaded with (?:a )?context length of only \d+ tokens/i, // LM Studio
  /^prompt (?:is )?too long: \d+ tokens /i, // oMLX, Anthropic and gateways to it
  /input length exceeds the (?:maximum )?context length/i, // Ollama
  /`inputs` (?:tokens \+ `max_new_tokens` must be <= |must have less than )\d+/i, // TGI
];

/** Names that tell it: OpenAI's own code, llama-server's type. */
const NAMES: ReadonlySet<unknown> = new Set(["context_length_exceeded", "exceed_context_size_error"]);

/** As far as an error message is read, characters. */
const READ_LENGTH = 4_096;

/** Whether a backend's error says that the prompt is too long for the context, by its code, its type or its words. */
export function saysOverflow(error: { readonly [member in "code" | "type" | "message"]?: unknown }): boolean {
  const { code, type, message } = error;
  if (NAMES.has(code) || NAMES.has(type)) return true;
  if (typeof message !== "string") return false;
  const read = message.slice(0, READ_LENGTH);
  return WORDS.some((words) => words.test(read));
}
