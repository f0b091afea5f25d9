/** A token's number in the model's vocabulary. */
export type TokenId = number;

/** The part of a tokenizer that turns tokens into text. Bytes that are no UTF-8 come out as U+FFFD. */
export interface Detokenizer {
  detokenize(tokens: readonly TokenId[], options: { special: boolean; after: readonly TokenId[] }): string;
}

const REPLACEMENT = "\uFFFD";
/** Tokens before the pending ones that the detokenizer sees: some vocabularies drop a leading space without them. */
const CONTEXT_TOKENS = 3;
/** A character has at most four bytes; whoever writes more tokens than this without finishing one writes no UTF-8. */
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
    const unfinished = text.endsWith(REPLACEMENT) && this.#pending.length < PENDING_TOKENS;
    const piece = text.slice(this.#shown, unfinished ? -1 : undefined);
    this.#shown += piece.length;
    if (!unfinished) this.#settle();
    return piece;
  }

  /** What is still held, once no token can follow. */
  end(): string {
    const text = this.#pendingText().slice(this.#shown);
    this.#settle();
    return text;
  }

  #pendingText(): string {
    if (this.#pending.length === 0) return "";
    return this.#detokenizer.detokenize(this.#pending, { special: false, after: this.#before });
  }

  #settle(): void {
    this.#remember(this.#pending);
    this.#pending = [];
    this.#shown = 0;
  }

  #remember(tokens: readonly TokenId[]): void {
    this.#before = [...this.#before, ...tokens].slice(-CONTEXT_TOKENS);
  }
}
