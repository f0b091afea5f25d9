import { type ChatChunk, type ChatChunkChoice, type ChatUsage, isObject } from "@hearth/dialects";
import { HearthError } from "../../platform/errors.js";

/** What a block of an answer is. */
export type Block =
  | { readonly kind: "reasoning" }
  | { readonly kind: "text" }
  | { readonly kind: "refusal" }
  | { readonly kind: "tool"; readonly id: string; readonly name: string };

/** An answer as blocks that follow one another: each is opened, grows, and is closed before the next is opened. */
export type BlockEvent =
  | { readonly type: "open"; readonly block: Block }
  | { readonly type: "delta"; readonly text: string; readonly logprobs: readonly unknown[] }
  /** Of a text: where it is from, in chat completions' form. */
  | { readonly type: "annotations"; readonly annotations: readonly unknown[] }
  | { readonly type: "close" };

/** A block whose turn has not come. */
interface Waiting {
  readonly block: Block;
  text: string;
  readonly logprobs: unknown[];
  readonly annotations: unknown[];
}

/** More blocks at once than any model means. */
const MAX_WAITING = 1_024;

/**
 * Puts the deltas of a chat answer into blocks. Only a tool call may get deltas long after another one has begun, and
 * nothing marks its end, so the first call stays open to the end of the answer, and whatever else comes meanwhile waits
 * in order. No byte is lost, and none reaches a block that is closed.
 *
 * Chunks must have gone through `ChunkRepair`: tool calls then have their index in every delta, and their id and name
 * in the first.
 */
export class BlockSequencer {
  /** The finish reason in chat completions' terms; `undefined` until there is one. */
  finishReason: string | undefined;
  /** The stop sequence that ended the answer, from backends that tell. */
  stopSequence: string | undefined;
  usage: ChatUsage | undefined;
  #open: { readonly block: Block; readonly call: number | undefined } | undefined;
  #waiting: Waiting[] = [];
  readonly #waitingCalls = new Map<number, Waiting>();
  #events: BlockEvent[] = [];

  /** @throws HearthError `provider_error` for an answer in more parts than any model means */
  next(chunk: ChatChunk): readonly BlockEvent[] {
    if (chunk.usage) this.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (choice !== undefined) this.#choice(choice);
    if (choice?.finish_reason) this.stopSequence = stopSequenceOf(choice) ?? stoppingWordOf(chunk);
    return this.#take();
  }

  /** The answer is complete: closes what is open, then gives out what waits. */
  end(): readonly BlockEvent[] {
    this.#close();
    for (const { block, text, logprobs, annotations } of this.#waiting) {
      this.#events.push({ type: "open", block });
      if (text !== "") this.#events.push({ type: "delta", text, logprobs });
      if (annotations.length > 0) this.#events.push({ type: "annotations", annotations });
      this.#events.push({ type: "close" });
    }
    this.#waiting = [];
    return this.#take();
  }

  #choice(choice: ChatChunkChoice): void {
    const delta = choice.delta ?? {};
    this.#text("reasoning", textOf(delta["reasoning_content"]) ?? textOf(delta["reasoning"]));
    this.#text("text", textOf(delta.content), logprobsOf(choice.logprobs));
    this.#annotate(delta["annotations"]);
    this.#text("refusal", textOf(delta["refusal"]));
    for (const call of delta.tool_calls ?? []) {
      const named = call.function?.name ? { id: call.id ?? "", name: call.function.name } : undefined;
      this.#tool(call.index ?? 0, named, textOf(call.function?.arguments) ?? "");
    }
    if (choice.finish_reason) this.finishReason = choice.finish_reason;
  }

  #text(kind: "reasoning" | "text" | "refusal", text: string | undefined, logprobs: readonly unknown[] = []): void {
    if (text === undefined) return;
    const waiting = this.#placeOf(kind);
    if (waiting === undefined) return void this.#events.push({ type: "delta", text, logprobs });
    waiting.text += text;
    for (const logprob of logprobs) waiting.logprobs.push(logprob);
  }

  /** They follow the text that they are of. */
  #annotate(annotations: unknown): void {
    if (!Array.isArray(annotations) || annotations.length === 0) return;
    const waiting = this.#placeOf("text");
    if (waiting === undefined) return void this.#events.push({ type: "annotations", annotations });
    for (const annotation of annotations) waiting.annotations.push(annotation);
  }

  /** Where more of this kind goes: a block that waits, or `undefined` for the one that is open now. */
  #placeOf(kind: "reasoning" | "text" | "refusal"): Waiting | undefined {
    if (this.#open?.block.kind === "tool") {
      const last = this.#waiting.at(-1);
      return last?.block.kind === kind ? last : this.#wait({ kind });
    }
    if (this.#open?.block.kind !== kind) this.#start({ kind }, undefined);
    return undefined;
  }

  /** @param named what a call's first delta says */
  #tool(call: number, named: { readonly id: string; readonly name: string } | undefined, args: string): void {
    const waiting = this.#waitingCalls.get(call);
    if (waiting !== undefined) {
      waiting.text += args;
      return;
    }
    if (this.#open?.call !== call) {
      const block: Block = { kind: "tool", id: named?.id ?? "", name: named?.name ?? "" };
      if (this.#open?.block.kind === "tool") {
        const behind = this.#wait(block);
        behind.text = args;
        this.#waitingCalls.set(call, behind);
        return;
      }
      this.#start(block, call);
    }
    if (args !== "") this.#events.push({ type: "delta", text: args, logprobs: [] });
  }

  #wait(block: Block): Waiting {
    if (this.#waiting.length === MAX_WAITING) {
      throw new HearthError("provider_error", "The provider's answer is in too many parts.");
    }
    const waiting: Waiting = { block, text: "", logprobs: [], annotations: [] };
    this.#waiting.push(waiting);
    return waiting;
  }

  #start(block: Block, call: number | undefined): void {
    this.#close();
    this.#open = { block, call };
    this.#events.push({ type: "open", block });
  }

  #close(): void {
    if (this.#open !== undefined) this.#events.push({ type: "close" });
    this.#open = undefined;
  }

  #take(): readonly BlockEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

function logprobsOf(logprobs: unknown): readonly unknown[] {
  const content = (logprobs as { readonly content?: unknown } | null | undefined)?.content;
  return Array.isArray(content) ? content : [];
}

/** vLLM says `stop_reason`, SGLang `matched_stop`; a number there is a token, not a sequence that was asked for. */
function stopSequenceOf(choice: object): string | undefined {
  const { stop_reason: vllm, matched_stop: sglang } = choice as Record<"stop_reason" | "matched_stop", unknown>;
  return textOf(vllm) ?? textOf(sglang);
}

/** llama-server says it beside the choices, where it was asked to be verbose. */
function stoppingWordOf({ __verbose: told }: ChatChunk): string | undefined {
  return isObject(told) ? textOf(told["stopping_word"]) : undefined;
}
