import type { LlamaContextSequence, LlamaGrammarEvaluationState, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import type { Ambient } from "../ambient.js";
import { ApiError } from "../api/api-error.js";
import { StopMatcher } from "../text/stop-matcher.js";
import { TokenText } from "../text/token-text.js";
import { DecodeGate } from "./decode-gate.js";
import type { LanguageModel } from "./language-model.js";
import { PrefillPacer } from "./prefill-pacer.js";
import type { Slot } from "./slot.js";

/** How the next token is chosen, in llama.cpp's terms. Temperature 0 takes the likeliest. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** 1 is none. */
  readonly repeatPenalty: number;
}

/** One answer to generate. */
export interface GenerationTask {
  /** Shorter than the model's context. */
  readonly prompt: readonly Token[];
  readonly sampling: Sampling;
  /** Tokens at most; the rest of the context if absent. */
  readonly maxTokens?: number | undefined;
  readonly stops: readonly string[];
  readonly grammar?: LlamaGrammarEvaluationState | undefined;
  /** Shows the marks of tool calls, where the vocabulary has control tokens for them. */
  readonly showToolMarks: boolean;
  readonly cacheKey?: string | undefined;
}

export interface Usage {
  readonly promptTokens: number;
  /** Of them, how many were still in the slot's cache. */
  readonly cachedTokens: number;
  /** Every token that was generated, the one that ends the answer included. */
  readonly completionTokens: number;
}

/** Why an answer ended. */
export interface AnswerEnd {
  readonly finish: "stop" | "length";
  /** The one of the task's stop sequences that ended it. */
  readonly stop?: string | undefined;
}

/** `text` pieces, then one `end`; or `cancelled` alone once the signal has come. */
export type GenerationEvent =
  | { readonly type: "text"; readonly text: string }
  | ({ readonly type: "end"; readonly usage: Usage } & AnswerEnd)
  | { readonly type: "cancelled" };

/** Tokens after which penalties forget. */
const PENALTY_WINDOW = 64;

/** Generates answers with one model. Several may run at the same time, each in its own slot. */
export class Generator {
  readonly #model: LanguageModel;
  readonly #ambient: Ambient;
  readonly #pacer = new PrefillPacer();
  readonly #gate = new DecodeGate();

  constructor(model: LanguageModel, ambient: Ambient) {
    this.#model = model;
    this.#ambient = ambient;
  }

  /**
   * Runs one task. Ends within one token, or one piece of the prompt, after the signal.
   * @throws {ApiError} `generation_failed`
   */
  async *run(task: GenerationTask, slot: Slot, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    try {
      const cachedTokens = await this.#gate.whileClosed(() => reuseCache(slot, task));
      const rest = await this.#prefill(slot.sequence, task.prompt.slice(cachedTokens), signal);
      if (rest === undefined) yield { type: "cancelled" };
      else yield* this.#answer({ task, slot, rest, cachedTokens }, signal);
    } catch (cause) {
      slot.cacheKey = undefined;
      if (cause instanceof ApiError) throw cause;
      throw new ApiError("generation_failed", "The engine failed while it generated this answer.", { cause });
    }
  }

  /** Evaluates all of the prompt but its last piece, which is returned; nothing if cancelled. */
  async #prefill(
    sequence: LlamaContextSequence,
    prompt: readonly Token[],
    signal: AbortSignal,
  ): Promise<Token[] | undefined> {
    let start = 0;
    while (!signal.aborted) {
      const tokens = this.#pacer.tokens;
      if (prompt.length - start <= tokens) return prompt.slice(start);
      await this.#gate.pass();
      const startedMs = this.#ambient.monotonicMs();
      await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(start, start + tokens));
      this.#pacer.record(tokens, this.#ambient.monotonicMs() - startedMs);
      start += tokens;
    }
    return undefined;
  }

  async *#answer(run: Run, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const { task, slot, rest } = run;
    const limit = Math.min(task.maxTokens ?? Number.POSITIVE_INFINITY, this.#model.contextTokens - task.prompt.length);
    const text = new AnswerText(this.#model, task);
    const generated: Token[] = [];
    for await (const token of this.#tokens(slot.sequence, rest, evaluateOptions(task, generated))) {
      if (signal.aborted) break;
      generated.push(token);
      const { piece, end } = text.push(token, generated.length >= limit);
      if (piece !== "") yield { type: "text", text: piece };
      if (end === undefined) continue;
      const usage = {
        promptTokens: task.prompt.length,
        cachedTokens: run.cachedTokens,
        completionTokens: generated.length,
      };
      yield { type: "end", ...end, usage };
      return;
    }
    if (!signal.aborted) throw new ApiError("generation_failed", "The engine stopped in the middle of this answer.");
    yield { type: "cancelled" };
  }

  /** The answer's tokens, each asked for when the gate is open. */
  async *#tokens(
    sequence: LlamaContextSequence,
    prompt: Token[],
    options: SequenceEvaluateOptions,
  ): AsyncGenerator<Token, void> {
    const tokens = sequence.evaluate(prompt, options);
    try {
      while (true) {
        await this.#gate.pass();
        const next = await tokens.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await tokens.return();
    }
  }
}

interface Run {
  readonly task: GenerationTask;
  readonly slot: Slot;
  /** The last piece of the prompt, from which generation starts. */
  readonly rest: Token[];
  readonly cachedTokens: number;
}

/** Leaves in the slot's cache what this prompt begins with; returns how many tokens that is: never the whole prompt. */
async function reuseCache(slot: Slot, task: GenerationTask): Promise<number> {
  const { sequence } = slot;
  if (slot.cacheKey !== undefined && slot.cacheKey === task.cacheKey) {
    await sequence.adaptStateToTokens(task.prompt.slice(0, -1), false);
  } else {
    await sequence.clearHistory();
  }
  slot.cacheKey = task.cacheKey;
  return sequence.nextTokenIndex;
}

/** From the tokens of an answer to the text that may be shown. */
class AnswerText {
  readonly #model: LanguageModel;
  readonly #decoder: TokenText;
  readonly #stops: StopMatcher;

  constructor(model: LanguageModel, task: GenerationTask) {
    this.#model = model;
    this.#decoder = new TokenText(model, task.prompt, task.showToolMarks ? model.toolMarks : new Set());
    this.#stops = new StopMatcher(task.stops);
  }

  /** `last`: no further token may be generated. */
  push(token: Token, last: boolean): TextPiece {
    if (this.#model.endsAnswer(token)) return this.#ended("stop");
    const { text, stop } = this.#stops.push(this.#decoder.push(token));
    if (stop !== undefined) return { piece: text, end: { finish: "stop", stop } };
    if (!last) return { piece: text, end: undefined };
    const { piece, end } = this.#ended("length");
    return { piece: text + piece, end };
  }

  /** No token can follow: what is still held. */
  #ended(finish: AnswerEnd["finish"]): TextPiece {
    const { text, stop } = this.#stops.push(this.#decoder.end());
    if (stop !== undefined) return { piece: text, end: { finish: "stop", stop } };
    return { piece: text + this.#stops.end(), end: { finish } };
  }
}

interface TextPiece {
  readonly piece: string;
  readonly end: AnswerEnd | undefined;
}

function evaluateOptions(task: GenerationTask, generated: readonly Token[]): SequenceEvaluateOptions {
  const { temperature, topP, topK, minP, seed, repeatPenalty, presencePenalty, frequencyPenalty } = task.sampling;
  const penalised = repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
  return {
    temperature,
    topP,
    topK,
    minP,
    seed,
    yieldEogToken: true,
    ...(task.grammar !== undefined && { grammarEvaluationState: task.grammar }),
    ...(penalised && {
      repeatPenalty: {
        punishTokens: () => generated.slice(-PENALTY_WINDOW),
        maxPunishTokens: PENALTY_WINDOW,
        penalty: repeatPenalty,
        presencePenalty,
        frequencyPenalty,
      },
    }),
  };
}
