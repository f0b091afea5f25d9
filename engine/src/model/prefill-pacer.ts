/** A cancelled request holds its slot for one piece at most; the other answers wait that long for their next token. */
const TARGET_MS = 50;
const FIRST_TOKENS = 64;
/** Smaller pieces would not use a machine's width. */
const MIN_TOKENS = 16;
/** llama.cpp's batch. */
const MAX_TOKENS = 512;

/** Chooses how many tokens of a prompt to evaluate in one piece, by how long the last pieces took. */
export class PrefillPacer {
  #tokens = FIRST_TOKENS;

  get tokens(): number {
    return this.#tokens;
  }

  /** A piece of that many tokens has taken that long, ms. At most doubles, so that one odd figure does little. */
  record(tokens: number, elapsedMs: number): void {
    const fitting = (tokens * TARGET_MS) / Math.max(elapsedMs, 0.1);
    this.#tokens = Math.round(Math.min(Math.max(fitting, MIN_TOKENS), 2 * this.#tokens, MAX_TOKENS));
  }
}
