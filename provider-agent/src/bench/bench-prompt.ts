import type { Rng } from "@hearth/platform";

/** Common enough to be about one token each in most vocabularies. */
const WORDS = (
  "time year people way day man thing woman life child world school state family student group country problem " +
  "hand part place case week company system program question work government number night point home water room " +
  "mother area money story fact month lot right study book eye job word business issue side kind head house"
).split(" ");
/** At the end, where it spoils no difference between prompts. */
const TASK = "Write a long story with these words.";

/**
 * A prompt of so many words that shares its beginning with no other one, so that a server which keeps what it has read
 * of earlier prompts finds nothing in them.
 */
export function benchPrompt(words: number, rng: Rng): string {
  const chosen = Array.from({ length: words }, () => WORDS[Math.floor(rng.next() * WORDS.length)]);
  const mark = Math.floor(rng.next() * 2 ** 40).toString(36);
  return `${mark} ${chosen.join(" ")}\n\n${TASK}`;
}

/** How many words of a prompt make how many tokens with one model. */
export interface PromptScale {
  readonly tokensPerWord: number;
  /** What the task and the model's chat template add. */
  readonly fixedTokens: number;
}

/** Where a server does not count tokens. On the high side: a prompt must not outgrow its context. */
export const ASSUMED_SCALE: PromptScale = { tokensPerWord: 1.5, fixedTokens: 64 };

interface SizedPrompt {
  readonly words: number;
  readonly tokens: number;
}

/** The line through two prompts of different length; {@link ASSUMED_SCALE} when they lie on none that can be. */
export function scaleOf(short: SizedPrompt, long: SizedPrompt): PromptScale {
  const tokensPerWord = (long.tokens - short.tokens) / (long.words - short.words);
  // A server that cuts long prompts off shows next to no slope.
  if (!(tokensPerWord >= 0.5 && tokensPerWord <= 16)) return ASSUMED_SCALE;
  return { tokensPerWord, fixedTokens: Math.max(0, short.tokens - short.words * tokensPerWord) };
}

/** How many words make a prompt of so many tokens, at least one. */
export function wordsFor(tokens: number, { tokensPerWord, fixedTokens }: PromptScale): number {
  return Math.max(1, Math.floor((tokens - fixedTokens) / tokensPerWord));
}
