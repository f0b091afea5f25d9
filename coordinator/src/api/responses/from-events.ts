import { type ChatChunk, ChunkRepair, type NamedEvent } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import { type BlockEvent, BlockSequencer } from "../translation/block-sequencer.js";
import type { Translator } from "../translation/event-reply.js";
import { tokenCounts } from "../translation/token-counts.js";
import type { OutputItem } from "./output-item.js";
import { type ItemContext, outputItem } from "./output-items.js";
import { type ResponseObject, responseUsage } from "./response-object.js";

/**
 * Writes the events of Responses for the answer of a chat backend. Each block is one item of the output, added, grown
 * and done before the next is added; the last event holds the whole response.
 */
export class ResponsesTranslator implements Translator {
  readonly #response: ResponseObject;
  readonly #context: ItemContext;
  readonly #wallTime: () => number;
  readonly #repair: ChunkRepair;
  readonly #sequencer = new BlockSequencer();
  readonly #output: unknown[] = [];
  #sequence = 0;
  #open: OutputItem | undefined;

  /**
   * @param response as it is before anything has been said
   * @param wallTime seconds since 1970
   */
  constructor(response: ResponseObject, context: ItemContext, wallTime: () => number) {
    this.#response = response;
    this.#context = context;
    this.#wallTime = wallTime;
    const facts = { id: response.id, model: response.model, created: response.created_at };
    this.#repair = new ChunkRepair(facts, {
      isName: (name) => context.tools.offers(name),
      toolCallsOnly: true,
      oneCall: response["parallel_tool_calls"] === false,
    });
  }

  next(chunk: ChatChunk): readonly NamedEvent[] {
    const repaired = this.#repair.next(chunk);
    const blocks = repaired === undefined ? [] : this.#sequencer.next(repaired);
    return [...this.#start(), ...blocks.flatMap((event) => this.#event(event, "completed"))];
  }

  end(usage: Usage): readonly NamedEvent[] {
    const last = this.#repair.end();
    const blocks = [...(last === undefined ? [] : this.#sequencer.next(last)), ...this.#sequencer.end()];
    const ending = this.#ending();
    const events = blocks.flatMap((event, index) =>
      this.#event(event, index === blocks.length - 1 ? ending.status : "completed"),
    );
    const counts = responseUsage(tokenCounts(this.#sequencer.usage, usage));
    const completedAt = ending.status === "completed" ? this.#wallTime() : null;
    const response = {
      ...this.#response,
      ...ending,
      completed_at: completedAt,
      output: this.#output,
      usage: counts,
    };
    return [...this.#start(), ...events, this.#numbered({ type: `response.${ending.status}`, response })];
  }

  #start(): readonly NamedEvent[] {
    if (this.#sequence > 0) return [];
    const response = this.#response;
    return [
      this.#numbered({ type: "response.created", response }),
      this.#numbered({ type: "response.in_progress", response }),
    ];
  }

  /** @param status what an item is when this event ends it */
  #event(event: BlockEvent, status: "completed" | "incomplete"): readonly NamedEvent[] {
    switch (event.type) {
      case "open": {
        const suffix = `${this.#response.id.replace(/^resp_/, "")}_${this.#output.length}`;
        this.#open = outputItem(event.block, suffix, this.#context);
        return this.#open.open().map((each) => this.#placed(each));
      }
      case "delta":
        return (this.#open?.delta(event.text, event.logprobs) ?? []).map((each) => this.#placed(each));
      case "annotations":
        return (this.#open?.annotate?.(event.annotations) ?? []).map((each) => this.#placed(each));
      case "close": {
        const events = (this.#open?.close(status) ?? []).map((each) => this.#placed(each));
        this.#output.push(events.at(-1)?.["item"]);
        this.#open = undefined;
        return events;
      }
    }
  }

  #ending(): { readonly status: "completed" | "incomplete"; readonly incomplete_details: object | null } {
    switch (this.#sequencer.finishReason) {
      case "length":
        return { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
      case "content_filter":
        return { status: "incomplete", incomplete_details: { reason: "content_filter" } };
    }
    return { status: "completed", incomplete_details: null };
  }

  #placed(event: NamedEvent): NamedEvent {
    return this.#numbered({ ...event, output_index: this.#output.length });
  }

  #numbered(event: NamedEvent): NamedEvent {
    const numbered = { ...event, sequence_number: this.#sequence };
    this.#sequence += 1;
    return numbered;
  }
}
