import { type ChatChunk, type ChunkFacts, ChunkRepair, type NamedEvent } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import { type Block, type BlockEvent, BlockSequencer } from "../translation/block-sequencer.js";
import type { Translator } from "../translation/event-reply.js";
import { type TokenCounts, tokenCounts } from "../translation/token-counts.js";

export interface MessageFacts {
  readonly id: string;
  readonly model: string;
  /** The coordinator's own estimate, for the event that opens the stream: the true number comes at the end. */
  readonly promptTokens: number;
  readonly showsThinking: boolean;
  readonly stopSequences: readonly string[];
  /** At most one tool may be called. */
  readonly oneCall: boolean;
}

/**
 * Writes the events of Messages for the answer of a chat backend: one block open at a time, each started, grown and
 * stopped before the next one starts, their indices 0, 1, 2, … over the whole content.
 */
export class MessagesTranslator implements Translator {
  readonly #facts: MessageFacts;
  readonly #repair: ChunkRepair;
  readonly #sequencer = new BlockSequencer();
  #started = false;
  #index = -1;
  #open: Block | undefined;
  #calls = 0;
  #refused = false;

  constructor(facts: MessageFacts) {
    this.#facts = facts;
    const chunkFacts: ChunkFacts = { id: facts.id, model: facts.model, created: 0 };
    this.#repair = new ChunkRepair(chunkFacts, { isName: () => false, toolCallsOnly: true, oneCall: facts.oneCall });
  }

  next(chunk: ChatChunk): readonly NamedEvent[] {
    const repaired = this.#repair.next(chunk);
    const blocks = repaired === undefined ? [] : this.#sequencer.next(repaired);
    return [...this.#start(), ...blocks.flatMap((event) => this.#event(event))];
  }

  end(usage: Usage): readonly NamedEvent[] {
    const last = this.#repair.end();
    const blocks = [...(last === undefined ? [] : this.#sequencer.next(last)), ...this.#sequencer.end()];
    const counts = tokenCounts(this.#sequencer.usage, usage);
    return [
      ...this.#start(),
      ...blocks.flatMap((event) => this.#event(event)),
      { type: "message_delta", delta: { ...this.#stop(), stop_details: null }, usage: deltaUsage(counts) },
      { type: "message_stop" },
    ];
  }

  #start(): readonly NamedEvent[] {
    if (this.#started) return [];
    this.#started = true;
    const { id, model, promptTokens } = this.#facts;
    // Some clients add up the output tokens of this event and of the last one, so that here they are none.
    const usage = messageUsage({ input: promptTokens, cached: 0, output: 0, reasoning: 0 });
    const message = {
      id,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      usage,
    };
    return [{ type: "message_start", message }];
  }

  #event(event: BlockEvent): readonly NamedEvent[] {
    switch (event.type) {
      case "open":
        return this.#opened(event.block);
      case "delta":
        return this.#grown(event.text);
      case "annotations":
        // A source of Messages is a result of its own search, which nobody here has made.
        return [];
      case "close":
        return this.#closed();
    }
  }

  #opened(block: Block): readonly NamedEvent[] {
    if (block.kind === "reasoning" && !this.#facts.showsThinking) return [];
    this.#open = block;
    this.#index += 1;
    if (block.kind === "tool") this.#calls += 1;
    if (block.kind === "refusal") this.#refused = true;
    return [{ type: "content_block_start", index: this.#index, content_block: emptyBlock(block) }];
  }

  #grown(text: string): readonly NamedEvent[] {
    const block = this.#open;
    if (block === undefined) return [];
    return [{ type: "content_block_delta", index: this.#index, delta: deltaOf(block.kind, text) }];
  }

  #closed(): readonly NamedEvent[] {
    const block = this.#open;
    if (block === undefined) return [];
    this.#open = undefined;
    const stop: NamedEvent = { type: "content_block_stop", index: this.#index };
    if (block.kind !== "reasoning") return [stop];
    // Clients send thoughts back only with a signature. This one vouches for nothing but that they were signed here.
    const delta = { type: "signature_delta", signature: this.#facts.id };
    return [{ type: "content_block_delta", index: this.#index, delta }, stop];
  }

  #stop(): { readonly stop_reason: string; readonly stop_sequence: string | null } {
    const { finishReason, stopSequence } = this.#sequencer;
    if (finishReason === "length") return { stop_reason: "max_tokens", stop_sequence: null };
    if (finishReason === "content_filter" || this.#refused) return { stop_reason: "refusal", stop_sequence: null };
    if (this.#calls > 0) return { stop_reason: "tool_use", stop_sequence: null };
    const asked = stopSequence !== undefined && this.#facts.stopSequences.includes(stopSequence);
    if (asked) return { stop_reason: "stop_sequence", stop_sequence: stopSequence };
    return { stop_reason: "end_turn", stop_sequence: null };
  }
}

function emptyBlock(block: Block): object {
  switch (block.kind) {
    case "text":
    case "refusal":
      return { type: "text", text: "" };
    case "reasoning":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool":
      return { type: "tool_use", id: block.id, name: block.name, input: {}, caller: { type: "direct" } };
  }
}

function deltaOf(kind: Block["kind"], text: string): object {
  switch (kind) {
    case "text":
    case "refusal":
      return { type: "text_delta", text };
    case "reasoning":
      return { type: "thinking_delta", thinking: text };
    case "tool":
      return { type: "input_json_delta", partial_json: text };
  }
}

/** Anthropic counts what came from the cache apart from the input. */
function deltaUsage({ input, cached, output, reasoning }: TokenCounts): object {
  return {
    input_tokens: input - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: output,
    output_tokens_details: reasoning > 0 ? { thinking_tokens: reasoning } : null,
  };
}

function messageUsage(counts: TokenCounts): object {
  return { ...deltaUsage(counts), cache_creation: null, server_tool_use: null, service_tier: "standard" };
}
