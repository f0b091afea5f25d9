import {
  believable,
  ChatAccumulator,
  type ChatChunk,
  type ChatUsage,
  type ChunkFacts,
  type ChunkReader,
  ChunkRepair,
  openAiUsage,
} from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import type { Usage } from "@hearth/protocol";
import type { Chunk } from "../../dispatch/types.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, Reply } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { ofChoice } from "../of-choice.js";
import { DONE, sseEvent } from "../sse.js";
import { CustomCalls, withCustomCalls } from "./custom-calls.js";
import type { ChatRequest } from "./to-internal.js";

/** The reply in the form the request asked for. */
export function chatReply(request: ChatRequest, consumer: Consumer, clock: Clock): Reply {
  const facts: ChunkFacts = {
    id: `chatcmpl-${request.id}`,
    model: request.model,
    created: Math.floor(clock.wallTime() / 1000),
  };
  return request.stream ? new ChatStream(request, consumer, facts) : new WholeChat(request, consumer, facts);
}

function chatChunk({ parsed, choice }: Chunk, facts: ChunkFacts): ChatChunk | undefined {
  return choice === undefined ? (parsed as ChatChunk) : ofChoice(parsed as ChatChunk, choice, facts);
}

/** The provider's events, byte for byte where they are well formed. The usage chunk comes last, if it was asked for. */
class ChatStream implements Reply {
  readonly #consumer: Consumer;
  readonly #includeUsage: boolean;
  readonly #facts: ChunkFacts;
  readonly #repair: ChunkRepair;
  readonly #customCalls: CustomCalls;
  #usage: { readonly bytes: Uint8Array | string; readonly told: ChatUsage } | undefined;
  #usageSent = false;

  constructor(request: ChatRequest, consumer: Consumer, facts: ChunkFacts) {
    this.#consumer = consumer;
    this.#includeUsage = request.includeUsage;
    this.#facts = facts;
    this.#repair = new ChunkRepair(facts, { isName: nameTest(request.toolNames), ...callsOf(request) });
    this.#customCalls = new CustomCalls(request.customTools);
  }

  open(): void {
    this.#consumer.openStream();
  }

  write(chunk: Chunk): Promise<void> | undefined {
    const said = chatChunk(chunk, this.#facts);
    const next = said && this.#repair.next(said);
    if (next === undefined) return undefined;
    const repaired = this.#customCalls.chunk(next);
    const bytes = repaired === chunk.parsed ? chunk.bytes : sseEvent(repaired);
    if (repaired.usage) {
      if (repaired.choices?.length === 0) {
        this.#usage = { bytes, told: repaired.usage };
        return undefined;
      }
      this.#usageSent = true;
    }
    return this.#consumer.write(bytes);
  }

  complete(usage: Usage): void {
    const last: (Uint8Array | string)[] = [];
    const end = this.#repair.end();
    if (end !== undefined) last.push(sseEvent(this.#customCalls.chunk(end)));
    if (this.#includeUsage) {
      if (this.#usage !== undefined && believable(this.#usage.told, usage)) last.push(this.#usage.bytes);
      else if (!this.#usageSent) last.push(sseEvent(this.#repair.usage(openAiUsage(usage))));
    }
    this.#consumer.endStream(...last, DONE);
  }

  fail(error: HearthError): void {
    this.#consumer.endStream(sseEvent(openAiErrorBody(error)), DONE);
  }
}

/** Who offered tools looks for calls of tools, and for no legacy `function_call`. */
const callsOf = ({ toolNames, oneCall }: ChatRequest): Pick<ChunkReader, "toolCallsOnly" | "oneCall"> => ({
  toolCallsOnly: toolNames.size > 0,
  oneCall,
});

/** A name is whole where a tool has it and no other tool's begins with it. */
function nameTest(names: ReadonlySet<string>): (name: string) => boolean {
  return (name) => names.has(name) && ![...names].some((other) => other !== name && other.startsWith(name));
}

/** One answer at the end, folded from the same events. */
class WholeChat implements Reply {
  readonly #consumer: Consumer;
  readonly #facts: ChunkFacts;
  readonly #repair: ChunkRepair;
  readonly #accumulator = new ChatAccumulator();
  readonly #customTools: ReadonlySet<string>;
  /** A whole answer in which nothing had to be put right. */
  #ready: { readonly bytes: Uint8Array; readonly chunk: ChatChunk } | undefined;

  constructor(request: ChatRequest, consumer: Consumer, facts: ChunkFacts) {
    this.#consumer = consumer;
    this.#facts = facts;
    this.#repair = new ChunkRepair(facts, { isName: () => false, ...callsOf(request) });
    this.#customTools = request.customTools;
  }

  open(): void {}

  write(chunk: Chunk): undefined {
    const said = chatChunk(chunk, this.#facts);
    const repaired = said && this.#repair.next(said);
    if (repaired === undefined) return;
    const isReady = chunk.whole && repaired === chunk.parsed && this.#customTools.size === 0;
    if (isReady) this.#ready = { bytes: chunk.bytes, chunk: repaired };
    else this.#accumulator.add(repaired);
  }

  complete(usage: Usage): void {
    const end = this.#repair.end();
    if (this.#ready !== undefined) {
      const { bytes, chunk } = this.#ready;
      // Nothing to put right: as it came.
      if (end === undefined && chunk.usage && believable(chunk.usage, usage)) return this.#consumer.sendJson(bytes);
      this.#accumulator.add(chunk);
    }
    if (end !== undefined) this.#accumulator.add(end);
    const completion = this.#accumulator.completion({ ...this.#facts, usage });
    this.#consumer.sendJson(withCustomCalls(completion, this.#customTools));
  }

  fail(error: HearthError): void {
    this.#consumer.sendError(error);
  }
}
