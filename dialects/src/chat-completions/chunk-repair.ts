import { EarlyChunks } from "../early-chunks.js";
import { plainUsage } from "../plain-usage.js";
import { isObject } from "../provider-json.js";
import { plainChoice } from "./plain-choice.js";
import type { ChatChunk, ChatChunkChoice, ChatDelta, ChatUsage, ToolCallDelta } from "./read-event.js";
import { ToolCallRepair } from "./tool-call-repair.js";

/** What stands in for what a backend leaves out of its chunks. */
export interface ChunkFacts {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/** What is known of whoever gets the chunks. */
export interface ChunkReader {
  /**
   * Whether this is a tool's whole name. A name may come in pieces, and is told when it is whole: at the latest when
   * something else comes. Absent = every name is taken to be whole.
   */
  readonly isName?: (name: string) => boolean;
  /** There is no place for a legacy `function_call`: it is turned into a tool call. */
  readonly toolCallsOnly?: boolean;
  /** At most one tool call was asked for. Backends make several all the same: those behind the first are left out. */
  readonly oneCall?: boolean;
}

/**
 * Brings the chunks of one answer into the form that SDKs rely on, as measured by leaving out each member in turn: an
 * id and a model in every chunk, an index and a delta in every choice, the role in the first delta and in no other, well
 * formed tool calls, a finish reason before the end. A chunk that has all that comes back as it is, the same object.
 */
export class ChunkRepair {
  readonly #facts: ChunkFacts;
  readonly #reader: ChunkReader;
  readonly #choices = new Map<number, ChoiceRepair>();
  #head: ChunkFacts | undefined;
  readonly #early: EarlyChunks = new EarlyChunks();

  constructor(facts: ChunkFacts, reader: ChunkReader = {}) {
    this.#facts = facts;
    this.#reader = reader;
  }

  /** @returns `undefined` for a chunk that says nothing */
  next(given: ChatChunk): ChatChunk | undefined {
    const chunk = this.#early.next(given);
    if (chunk === undefined) return undefined;
    const { choices } = chunk;
    const usage = plainUsage(chunk.usage);
    if (choices === undefined || choices === null)
      return usage ? this.#chunk({ ...chunk, choices: [], usage }) : undefined;
    const repaired = this.#repairChoices(choices);
    if (repaired === choices && usage === chunk.usage && hasHead(chunk)) {
      this.#head ??= chunk;
      return chunk;
    }
    const { usage: _told, ...rest } = chunk;
    return this.#chunk({ ...rest, choices: repaired, ...(usage === undefined ? {} : { usage }) });
  }

  /** What the answer lacks at its end: a finish reason for every choice; `undefined` when it lacks nothing. */
  end(): ChatChunk | undefined {
    if (this.#choices.size === 0) this.#choice(0);
    const choices: ChatChunkChoice[] = [];
    for (const [index, choice] of this.#choices) {
      const end = choice.end();
      if (end !== undefined) choices.push({ index, ...end });
    }
    return choices.length === 0 ? undefined : this.#chunk({ ...this.#early.left, choices });
  }

  /** The usage chunk, for a backend that never sent one. */
  usage(usage: ChatUsage): ChatChunk {
    return this.#chunk({ choices: [], usage });
  }

  #repairChoices(choices: readonly ChatChunkChoice[]): readonly ChatChunkChoice[] {
    let changed = false;
    const repaired = choices.map((choice, position) => {
      const index = Number.isInteger(choice.index) ? (choice.index as number) : position;
      const one = this.#choice(index).next(plainChoice(choice));
      const whole = one.index === index ? one : { ...one, index };
      if (whole !== choice) changed = true;
      return whole;
    });
    return changed ? repaired : choices;
  }

  #choice(index: number): ChoiceRepair {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    const fresh = new ChoiceRepair((call) => `call_${this.#facts.id}_${index}_${call}`, this.#reader);
    this.#choices.set(index, fresh);
    return fresh;
  }

  #chunk(chunk: ChatChunk): ChatChunk {
    const { id, model, created } = this.#head ?? this.#facts;
    const whole = {
      ...chunk,
      id: isText(chunk.id) ? chunk.id : id,
      object: "chat.completion.chunk",
      created: Number.isInteger(chunk.created) ? (chunk.created as number) : created,
      model: isText(chunk.model) ? chunk.model : model,
    };
    this.#head ??= whole;
    return whole;
  }
}

const FINISH_REASONS = new Set<unknown>(["stop", "length", "tool_calls", "content_filter", "function_call"]);
/** Other names that backends have for the same thing. */
const OTHER_FINISH_REASONS: ReadonlyMap<string, string> = new Map([
  ["max_tokens", "length"],
  ["tool_use", "tool_calls"],
]);

class ChoiceRepair {
  readonly #tools: ToolCallRepair;
  readonly #toolCallsOnly: boolean;
  readonly #oneCall: boolean;
  #roleSent = false;
  #finished = false;

  constructor(callId: (index: number) => string, { isName, toolCallsOnly = false, oneCall = false }: ChunkReader) {
    this.#tools = new ToolCallRepair(callId, isName);
    this.#toolCallsOnly = toolCallsOnly;
    this.#oneCall = oneCall;
  }

  next(choice: ChatChunkChoice): ChatChunkChoice {
    const delta = this.#delta(this.#withoutLegacyCall(choice.delta ?? {}), Boolean(choice.finish_reason));
    const finish = this.#finish(choice.finish_reason);
    if (delta === choice.delta && finish === choice.finish_reason) return choice;
    return { ...choice, delta, finish_reason: finish };
  }

  end(): ChatChunkChoice | undefined {
    if (this.#finished) return undefined;
    const held = this.#calls([], true);
    const calls = held.length === 0 ? {} : { tool_calls: held };
    const delta: ChatDelta = this.#roleSent ? calls : { role: "assistant", content: "", ...calls };
    return { delta, logprobs: null, finish_reason: this.#finish("stop") };
  }

  #delta(delta: ChatDelta, finishes: boolean): ChatDelta {
    let whole = delta;
    const { tool_calls: calls, ...others } = delta;
    if (calls || finishes) {
      const repaired = this.#calls(calls ?? [], finishes);
      if (repaired.length > 0 && repaired !== calls) whole = { ...others, tool_calls: repaired };
      else if (repaired !== calls && calls) whole = others;
    }
    if (!this.#roleSent) {
      this.#roleSent = true;
      return isText(delta.role) ? whole : { ...whole, role: "assistant" };
    }
    if (delta.role === undefined) return whole;
    const { role: _role, ...rest } = whole;
    return rest;
  }

  #calls(deltas: readonly ToolCallDelta[], last: boolean): readonly ToolCallDelta[] {
    const repaired = this.#tools.next(deltas, last);
    if (!this.#oneCall || repaired.every(isOfFirstCall)) return repaired;
    return repaired.filter(isOfFirstCall);
  }

  #withoutLegacyCall(delta: ChatDelta): ChatDelta {
    const { function_call: called, ...rest } = delta;
    if (!this.#toolCallsOnly || !isObject(called)) return delta;
    return { ...rest, tool_calls: [{ index: 0, function: called }] };
  }

  /** Calls were made, whatever the backend says: an agent that reads only the reason must not miss them. */
  #finish(reason: string | null | undefined): string | null {
    if (!reason) return null;
    this.#finished = true;
    const name = FINISH_REASONS.has(reason) ? reason : reason.toLowerCase();
    const known = FINISH_REASONS.has(name) ? name : (OTHER_FINISH_REASONS.get(name) ?? "stop");
    return (known === "stop" || (known === "function_call" && this.#toolCallsOnly)) && this.#tools.any
      ? "tool_calls"
      : known;
  }
}

/** Repaired deltas have the place of their call in the answer. */
const isOfFirstCall = ({ index }: ToolCallDelta): boolean => index === 0;

function hasHead(chunk: ChatChunk): chunk is ChatChunk & ChunkFacts {
  return (
    isText(chunk.id) &&
    isText(chunk.model) &&
    chunk.object === "chat.completion.chunk" &&
    Number.isInteger(chunk.created)
  );
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
