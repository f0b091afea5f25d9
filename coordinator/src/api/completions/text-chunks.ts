import {
  type ChatChunk,
  type ChatChunkChoice,
  EarlyChunks,
  plainChoice,
  plainUsage,
  type TextChoice,
  type TextChunk,
  toTextLogprobs,
} from "@hearth/dialects";
import type { Chunk } from "../../dispatch/types.js";
import { ofChoice } from "../of-choice.js";

/** What stands in for what a backend leaves out, and what the answer begins with if the backend does not say it. */
export interface TextFacts {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly echo: string;
  /** Nothing comes behind it, whatever a chat says. */
  readonly echoOnly: boolean;
}

/** The chunks of all answers to one request. */
export class TextChoices {
  readonly #facts: TextFacts;
  readonly #choices = new Map<number, TextChunks>();

  constructor(facts: TextFacts) {
    this.#facts = facts;
  }

  /** @returns `undefined` for a chunk without text, usage or end */
  next(chunk: Chunk): TextChunk | undefined {
    const { choice } = chunk;
    const text = this.#of(choice ?? 0).next(chunk);
    return choice === undefined ? text : text && ofChoice(text, choice, this.#facts);
  }

  /** What the answers lack at their end: finish reasons. */
  ends(): readonly TextChunk[] {
    if (this.#choices.size === 0) this.#of(0);
    const ends = [...this.#choices].map(([choice, texts]) => {
      const end = texts.end();
      return this.#choices.size === 1 ? end : end && ofChoice(end, choice, this.#facts);
    });
    return ends.filter((end) => end !== undefined);
  }

  usage(usage: object): TextChunk {
    return this.#of(0).usage(usage);
  }

  #of(choice: number): TextChunks {
    const known = this.#choices.get(choice) ?? new TextChunks(this.#facts);
    this.#choices.set(choice, known);
    return known;
  }
}

/** Turns the chunks of one answer, legacy or chat, into well-formed legacy chunks. A well-formed one stays the same object. */
class TextChunks {
  readonly #facts: TextFacts;
  readonly #early: EarlyChunks = new EarlyChunks();
  #id: string | undefined;
  #length = 0;
  #echoed = false;
  #finished = false;

  constructor(facts: TextFacts) {
    this.#facts = facts;
  }

  /** @returns `undefined` for a chunk without text, usage or end */
  next({ dialect, parsed }: Chunk): TextChunk | undefined {
    return dialect === "completions" ? this.#native(parsed as TextChunk) : this.#fromChat(parsed as ChatChunk);
  }

  /** What the answer lacks at its end: a finish reason; `undefined` when it lacks nothing. */
  end(): TextChunk | undefined {
    if (this.#finished) return undefined;
    return this.#head({ choices: [{ text: this.#echo(), index: 0, logprobs: null, finish_reason: "stop" }] });
  }

  usage(usage: object): TextChunk {
    return this.#head({ choices: [], usage });
  }

  /** The chunk as it came, if nothing had to be changed in it. */
  #native(given: TextChunk): TextChunk | undefined {
    const chunk = this.#early.next(given);
    if (chunk === undefined) return undefined;
    this.#id ||= chunk.id;
    this.#echoed = true; // a backend that speaks this API repeats the prompt itself
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) return chunk.usage ? this.#head({ ...chunk, choices: [] }) : undefined;
    const whole = nativeChoice(choice);
    if (whole.finish_reason) this.#finished = true;
    return whole === choice && hasHead(chunk) ? chunk : this.#head({ ...chunk, choices: [whole] });
  }

  /** Thoughts, roles and calls have no form here. */
  #fromChat({ id, created, model, choices, usage: told }: ChatChunk): TextChunk | undefined {
    this.#id ||= id;
    const usage = plainUsage(told);
    const [choice] = choices ?? [];
    const text = choice === undefined ? undefined : this.#chatChoice(plainChoice(choice));
    if (text === undefined && !usage) return undefined;
    return this.#head({
      ...(id ? { id } : {}),
      ...(created === undefined ? {} : { created }),
      ...(model ? { model } : {}),
      choices: text === undefined ? [] : [text],
      ...(usage ? { usage } : {}),
    });
  }

  #chatChoice({ delta, finish_reason, logprobs }: ChatChunkChoice): TextChoice | undefined {
    const said = typeof delta?.content === "string" && !this.#facts.echoOnly ? delta.content : "";
    const reason = finish_reason ? finishReason(finish_reason) : null;
    if (said === "" && reason === null) return undefined;
    if (reason !== null) this.#finished = true;
    const echo = this.#echo();
    const offset = this.#length + echo.length;
    this.#length = offset + said.length;
    return {
      text: echo + said,
      index: 0,
      logprobs: this.#facts.echoOnly ? null : toTextLogprobs(logprobs, offset),
      finish_reason: reason,
    };
  }

  /** The prompt, once, where it is to be repeated. */
  #echo(): string {
    const echo = this.#echoed ? "" : this.#facts.echo;
    this.#echoed = true;
    return echo;
  }

  #head(chunk: TextChunk): TextChunk {
    const { id, model, created } = this.#facts;
    return {
      ...chunk,
      id: chunk.id ?? this.#id ?? id,
      object: "text_completion",
      created: chunk.created ?? created,
      model: chunk.model ?? model,
    };
  }
}

function hasHead({ id, object, created, model }: TextChunk): boolean {
  return (
    typeof id === "string" && typeof model === "string" && object === "text_completion" && Number.isInteger(created)
  );
}

/** The same choice where it has all its members. */
function nativeChoice(choice: TextChoice): TextChoice {
  const reason = choice.finish_reason ? finishReason(choice.finish_reason) : null;
  const isWhole =
    typeof choice.text === "string" &&
    choice.index === 0 &&
    choice.logprobs !== undefined &&
    reason === choice.finish_reason;
  if (isWhole) return choice;
  return { ...choice, text: choice.text ?? "", index: 0, logprobs: choice.logprobs ?? null, finish_reason: reason };
}

/** The reasons that this API knows. */
function finishReason(reason: string): string {
  if (reason === "length" || reason === "max_tokens") return "length";
  return reason === "content_filter" ? reason : "stop";
}
