import { believable, openAiUsage, TextAccumulator } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import type { Usage } from "@hearth/protocol";
import type { Chunk } from "../../dispatch/types.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, Reply } from "../../request/consumer.js";
import { openAiErrorBody } from "../error-envelope.js";
import { DONE, sseEvent } from "../sse.js";
import { TextChoices, type TextFacts } from "./text-chunks.js";
import type { CompletionRequest } from "./to-internal.js";

/** The reply in the form the request asked for. */
export function completionReply(request: CompletionRequest, consumer: Consumer, clock: Clock): Reply {
  const facts: TextFacts = {
    id: `cmpl-${request.id}`,
    model: request.model,
    created: Math.floor(clock.wallTime() / 1000),
    echo: request.echo,
    echoOnly: request.echoOnly,
  };
  return request.stream ? new TextStream(request, consumer, facts) : new WholeText(consumer, facts);
}

class TextStream implements Reply {
  readonly #consumer: Consumer;
  readonly #includeUsage: boolean;
  readonly #chunks: TextChoices;
  #usage: { readonly bytes: Uint8Array | string; readonly told: object } | undefined;

  constructor(request: CompletionRequest, consumer: Consumer, facts: TextFacts) {
    this.#consumer = consumer;
    this.#includeUsage = request.includeUsage;
    this.#chunks = new TextChoices(facts);
  }

  open(): void {
    this.#consumer.openStream();
  }

  write(chunk: Chunk): Promise<void> | undefined {
    const text = this.#chunks.next(chunk);
    if (text === undefined) return undefined;
    const bytes = text === chunk.parsed ? chunk.bytes : sseEvent(text);
    if (text.choices?.length !== 0) return this.#consumer.write(bytes);
    this.#usage = { bytes, told: text.usage ?? {} };
    return undefined;
  }

  complete(usage: Usage): void {
    const last: (Uint8Array | string)[] = this.#chunks.ends().map(sseEvent);
    if (this.#includeUsage) {
      const told = this.#usage !== undefined && believable(this.#usage.told, usage) ? this.#usage.bytes : undefined;
      last.push(told ?? sseEvent(this.#chunks.usage(openAiUsage(usage))));
    }
    this.#consumer.endStream(...last, DONE);
  }

  fail(error: HearthError): void {
    this.#consumer.endStream(sseEvent(openAiErrorBody(error, "prompt")), DONE);
  }
}

class WholeText implements Reply {
  readonly #consumer: Consumer;
  readonly #facts: TextFacts;
  readonly #chunks: TextChoices;
  readonly #accumulator = new TextAccumulator();

  constructor(consumer: Consumer, facts: TextFacts) {
    this.#consumer = consumer;
    this.#facts = facts;
    this.#chunks = new TextChoices(facts);
  }

  open(): void {}

  write(chunk: Chunk): undefined {
    const text = this.#chunks.next(chunk);
    if (text !== undefined) this.#accumulator.add(text);
  }

  complete(usage: Usage): void {
    for (const end of this.#chunks.ends()) this.#accumulator.add(end);
    const { id, model, created } = this.#facts;
    this.#consumer.sendJson(this.#accumulator.completion({ id, model, created, usage }));
  }

  fail(error: HearthError): void {
    this.#consumer.sendError(error);
  }
}
