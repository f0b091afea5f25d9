/** A token's number in the model's vocabulary. */
export type TokenId = number;

/** The part of a tokenizer that turns tokens into text. Bytes that are no UTF-8 come out as U+FFFD. */
export interface Detokenizer {
  detokenize(tokens: readonly TokenId[], options: { special: boolean; after: readonly TokenId[] }): string;
}

const REPLACEMENT = "\uFFFD";
/** Tokens before the pending ones that the detokenizer sees: some vocabularies drop a leading space without them. */
const CONTEXT_TOKENS = 3;
/** A character has at most so many bytes in UTF-8. */
const CHARACTER_BYTES = 4;
/** Tokens that are held at most before those that are decided are let go of. */
const PENDING_TOKENS = 16;

/**
 * Turns tokens into text as they come. A character that is spread over tokens is held until it is whole, so that no
 * piece ever ends inside one.
 */
export class TokenText {
  readonly #detokenizer: Detokenizer;
  readonly #visibleSpecials: ReadonlySet<TokenId>;
  #before: TokenId[];
  #pending: TokenId[] = [];
  #shown = 0;

  /** `visibleSpecials` are control tokens whose text is part of the answer, such as the marks of a tool call. */
  constructor(detokenizer: Detokenizer, prompt: readonly TokenId[], visibleSpecials: ReadonlySet<TokenId>) {
    this.#detokenizer = detokenizer;
    this.#visibleSpecials = visibleSpecials;
    this.#before = prompt.slice(-CONTEXT_TOKENS);
  }

  push(token: TokenId): string {
    if (this.#visibleSpecials.has(token)) {
      const text = this.end() + this.#detokenizer.detokenize([token], { special: true, after: [] });
      this.#remember([token]);
      return text;
    }
    this.#pending.push(token);
    const text = this.#pendingText();
    // An unfinished character shows as one replacement character at the very end; all before it is decided.
    const mayBeUnfinished = text.endsWith(REPLACEMENT);
    if (mayBeUnfinished && this.#pending.length < PENDING_TOKENS) {
      const piece = text.slice(this.#shown, -1);
      this.#shown += piece.length;
      return piece;
    }
    const held = mayBeUnfinished ? this.#unfinishedTokens(text) : 0;
    const piece = text.slice(this.#shown, held > 0 ? -1 : undefined);
    this.#settle(held);
    return piece;
  }

  /** How many of the last tokens are the beginning of a character: what is written may be replacement characters. */
  #unfinishedTokens(text: string): number {
    for (let held = 1; held < CHARACTER_BYTES; held++) {
      if (this.#textOf(this.#pending.slice(0, -held)) + REPLACEMENT === text) return held;
    }
    return 0;
  }

  /** What is still held, once no token can follow. */
  end(): string {
    const text = this.#pendingText().slice(this.#shown);
    this.#settle();
    return text;
  }

  #pendingText(): string {
    return this.#textOf(this.#pending);
  }

  #textOf(tokens: readonly TokenId[]): string {
    return tokens.length === 0 ? "" : this.#detokenizer.detokenize(tokens, { special: false, after: this.#before });
  }

  /** @param held so many of the last tokens stay pending */
  #settle(held = 0): void {
    const decided = this.#pending.splice(0, this.#pending.length - held);
    this.#remember(decided);
    this.#shown = 0;
  }

  #remember(tokens: readonly TokenId[]): void {
    this.#before = [...this.#before, ...tokens].slice(-CONTEXT_TOKENS);
  }
}
