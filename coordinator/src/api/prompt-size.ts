/** Characters a token is taken to have, for estimates before any tokenizer has seen the prompt. */
const CHARACTERS_PER_TOKEN = 4;
/** Tokens an image is taken to cost. */
const TOKENS_PER_IMAGE = 1_000;

/** How many tokens a prompt is taken to have. */
export function estimateTokens(size: { readonly characters: number; readonly images: number }): number {
  return Math.ceil(size.characters / CHARACTERS_PER_TOKEN) + size.images * TOKENS_PER_IMAGE;
}
