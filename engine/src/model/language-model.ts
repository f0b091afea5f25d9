import {
  type LlamaContext,
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import { ApiError } from "../api/api-error.js";
import { ChatTemplate } from "../text/chat-template.js";
import type { Detokenizer, TokenId } from "../text/token-text.js";
import { TOOL_CALL_CLOSE, TOOL_CALL_OPEN } from "../text/tool-call-parser.js";

/** What a model is, for whoever chooses between models. Sizes in bytes or tokens. */
export interface ModelFacts {
  /** Tokens of prompt and answer that one request may have. */
  readonly n_ctx: number;
  readonly n_ctx_train: number;
  readonly n_embd: number;
  readonly size: number;
  /** Answers that are generated at the same time. */
  readonly slots: number;
  /** The model has a chat template that renders; without one there are no chat completions. */
  readonly chat_template: boolean;
  /** Its template knows tools in the form that this server can read back. */
  readonly tools: boolean;
  /** Answers are held to a JSON schema that a request brings. */
  readonly structured_output: true;
  /** The probabilities of tokens are told to nobody. */
  readonly logprobs: false;
}

/** A loaded model with one context of several sequences: all of node-llama-cpp that the rest of the child needs. */
export class LanguageModel implements Detokenizer, AsyncDisposable {
  readonly id: string;
  readonly contextTokens: number;
  readonly sequences: readonly LlamaContextSequence[];
  readonly template: ChatTemplate | undefined;
  /** Control tokens that stand for the marks of a tool call; in many vocabularies there are none, and it is plain text. */
  readonly toolMarks: ReadonlySet<TokenId>;
  readonly facts: ModelFacts;
  readonly #model: LlamaModel;

  constructor(parts: { readonly id: string; readonly model: LlamaModel; readonly context: LlamaContext }) {
    const { model, context } = parts;
    this.id = parts.id;
    this.#model = model;
    this.contextTokens = context.contextSize;
    this.sequences = Array.from({ length: context.totalSequences }, () => context.getSequence());
    this.template = readTemplate(model);
    this.toolMarks = new Set([TOOL_CALL_OPEN, TOOL_CALL_CLOSE].flatMap((mark) => singleToken(model, mark)));
    this.facts = {
      n_ctx: this.contextTokens,
      n_ctx_train: model.trainContextSize,
      n_embd: model.embeddingVectorSize,
      size: model.size,
      slots: this.sequences.length,
      chat_template: this.template !== undefined,
      tools: this.template?.supportsTools ?? false,
      structured_output: true,
      logprobs: false,
    };
  }

  /** A prompt as tokens. The names of control tokens in it become those tokens; BOS comes first where the model wants it. */
  tokenize(text: string): Token[] {
    const tokens = this.#model.tokenize(text, true);
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  detokenize(tokens: readonly TokenId[], options: { special: boolean; after: readonly TokenId[] }): string {
    return this.#model.detokenize(tokens as Token[], options.special, options.after as Token[]);
  }

  endsAnswer(token: Token): boolean {
    return this.#model.isEogToken(token);
  }

  /**
   * A fresh state of a grammar, for one answer.
   * @throws {ApiError} `unsupported_schema` if llama.cpp cannot read it, as for a grammar that begins with itself
   */
  async grammarState(grammar: string): Promise<LlamaGrammarEvaluationState> {
    try {
      const compiled = await this.#model.llama.createGrammar({ grammar });
      return new LlamaGrammarEvaluationState({ model: this.#model, grammar: compiled });
    } catch (cause) {
      throw new ApiError("unsupported_schema", "This JSON Schema gives a grammar that llama.cpp cannot use.", {
        cause,
      });
    }
  }

  /** Frees the model's memory; on a GPU the process must not end before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model.dispose();
    await this.#model.llama.dispose();
  }
}

function readTemplate(model: LlamaModel): ChatTemplate | undefined {
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  if (source === undefined) return undefined;
  return ChatTemplate.parse({
    source,
    bosToken: model.tokens.bosString ?? "",
    eosToken: model.tokens.eosString ?? "",
  });
}

function singleToken(model: LlamaModel, text: string): Token[] {
  const tokens = model.tokenize(text, true);
  return tokens.length === 1 ? tokens : [];
}
