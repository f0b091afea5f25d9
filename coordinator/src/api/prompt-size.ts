import { textTokens } from "@hearth/dialects";

/** Tokens an image is taken to cost. */
const TOKENS_PER_IMAGE = 1_000;
/** Tokens that a template puts around a message: ChatML, Llama 3 and Gemma all put five. */
const TOKENS_PER_MESSAGE = 5;
/** How much of a prompt is looked at, characters: 1–2 ms of work. Of a longer one, evenly spread windows. */
const SAMPLE_LENGTH = 256 * 1024;
const WINDOW_LENGTH = 4 * 1024;

/** What a model is to read. */
export interface PromptSize {
  readonly texts: readonly string[];
  readonly messages: number;
  readonly images: number;
}

/** How many tokens a prompt is taken to have. */
export function estimateTokens({ texts, messages, images }: PromptSize): number {
  return Math.ceil(tokensOf(texts)) + messages * TOKENS_PER_MESSAGE + images * TOKENS_PER_IMAGE;
}

function tokensOf(texts: readonly string[]): number {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length <= SAMPLE_LENGTH) return texts.reduce((sum, text) => sum + textTokens(text), 0);
  const stride = (length / SAMPLE_LENGTH) * WINDOW_LENGTH;
  let next = 0;
  let seen = 0;
  let tokens = 0;
  for (const text of texts) {
    for (; next < text.length; next += stride) {
      const from = Math.floor(next);
      const to = Math.min(text.length, from + WINDOW_LENGTH);
      tokens += textTokens(text, from, to);
      seen += to - from;
    }
    next -= text.length;
  }
  return (tokens / seen) * length;
}
