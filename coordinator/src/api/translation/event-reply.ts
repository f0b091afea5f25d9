import type { ChatChunk, NamedEvent } from "@hearth/dialects";
import type { BackendDialect, Usage } from "@hearth/protocol";
import type { Chunk } from "../../dispatch/types.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, Reply } from "../../request/consumer.js";

/** Writes the dialect's events for the answer of a backend that chats. */
export interface Translator {
  next(chunk: ChatChunk): readonly NamedEvent[];
  /** @param usage the provider's own count, for where the chunks had none */
  end(usage: Usage): readonly NamedEvent[];
}

/** Folds events into the body for a consumer who does not stream. */
export interface Fold {
  add(event: NamedEvent): void;
  /** A value to serialise, or the bytes of JSON that is ready. */
  body(): object | Uint8Array;
}

/** Writes how a stream fails, to fit behind the events that the consumer has seen. */
export interface FailureWriter {
  seen(event: NamedEvent): void;
  failure(error: HearthError): readonly NamedEvent[];
}

/** A dialect whose streams are named events, and whose whole answers are the fold of them. */
export interface EventDialect {
  /** The name under which backends speak it: their events go to the consumer byte for byte. Absent = none does. */
  readonly dialect?: BackendDialect;
  translator(): Translator;
  fold(): Fold;
  failureWriter(): FailureWriter;
  /** The event says that all is well: it waits until that is certain. */
  tellsEnd(event: NamedEvent): boolean;
  /** Puts right what backends say wrongly of an answer of this dialect; absent = nothing is known. */
  readonly mend?: Mending;
  /** What follows the last event of a stream that went well, as bytes of the stream. */
  readonly endMark?: string;
}

/** What goes to the consumer in place of a backend's own; `undefined` where that is right. */
export interface Mending {
  /** Of an event that `tellsEnd`. */
  event(event: NamedEvent): NamedEvent | undefined;
  /** Of a whole answer. @param bytes its JSON text @param parsed the same, read */
  body(bytes: Uint8Array, parsed: unknown): Uint8Array | undefined;
}

/** The reply in the form the request asked for. */
export function eventReply(dialect: EventDialect, stream: boolean, consumer: Consumer): Reply {
  return stream ? new EventStream(dialect, consumer) : new WholeAnswer(dialect, consumer);
}

class EventStream implements Reply {
  readonly #dialect: EventDialect;
  readonly #consumer: Consumer;
  readonly #translator: Translator;
  readonly #failureWriter: FailureWriter;
  #isNative = false;
  /** A native stream's last events. */
  readonly #held: (Uint8Array | string)[] = [];

  constructor(dialect: EventDialect, consumer: Consumer) {
    this.#dialect = dialect;
    this.#consumer = consumer;
    this.#translator = dialect.translator();
    this.#failureWriter = dialect.failureWriter();
  }

  open(): void {
    this.#consumer.openStream();
  }

  write(chunk: Chunk): Promise<void> | undefined {
    this.#isNative = chunk.dialect === this.#dialect.dialect;
    if (this.#isNative) return this.#pass(chunk);
    return writeInTurn(this.#consumer, this.#encoded(this.#translator.next(chunk.parsed as ChatChunk)));
  }

  complete(usage: Usage): void {
    const last = this.#isNative ? this.#held : this.#encoded(this.#translator.end(usage));
    const { endMark } = this.#dialect;
    this.#consumer.endStream(...last, ...(endMark === undefined ? [] : [endMark]));
  }

  fail(error: HearthError): void {
    this.#consumer.endStream(...this.#failureWriter.failure(error).map(encoded));
  }

  #pass({ parsed, bytes }: Chunk): Promise<void> | undefined {
    const event = parsed as NamedEvent;
    this.#failureWriter.seen(event);
    if (this.#held.length === 0 && !this.#dialect.tellsEnd(event)) return this.#consumer.write(bytes);
    const mended = this.#dialect.mend?.event(event);
    this.#held.push(mended === undefined ? bytes : encoded(mended));
    return undefined;
  }

  #encoded(events: readonly NamedEvent[]): readonly string[] {
    return events.map((event) => {
      this.#failureWriter.seen(event);
      return encoded(event);
    });
  }
}

class WholeAnswer implements Reply {
  readonly #dialect: EventDialect;
  readonly #consumer: Consumer;
  readonly #translator: Translator;
  readonly #fold: Fold;
  #isNative = false;
  #ready: Uint8Array | undefined;

  constructor(dialect: EventDialect, consumer: Consumer) {
    this.#dialect = dialect;
    this.#consumer = consumer;
    this.#translator = dialect.translator();
    this.#fold = dialect.fold();
  }

  open(): void {}

  write({ dialect, parsed, bytes, whole }: Chunk): undefined {
    this.#isNative = dialect === this.#dialect.dialect;
    // To the last digit: a round trip through `JSON.parse` would cost some.
    if (this.#isNative && whole) this.#ready = this.#dialect.mend?.body(bytes, parsed) ?? bytes;
    else if (this.#isNative) this.#fold.add(parsed as NamedEvent);
    else this.#add(this.#translator.next(parsed as ChatChunk));
  }

  complete(usage: Usage): void {
    if (!this.#isNative) this.#add(this.#translator.end(usage));
    this.#consumer.sendJson(this.#ready ?? this.#fold.body());
  }

  fail(error: HearthError): void {
    this.#consumer.sendError(error);
  }

  #add(events: readonly NamedEvent[]): void {
    for (const event of events) this.#fold.add(event);
  }
}

/** A server-sent event under its name: some SDKs read no other. */
function encoded(event: NamedEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** One write an event, each when the consumer has room for it. */
function writeInTurn(consumer: Consumer, events: readonly string[]): Promise<void> | undefined {
  for (const [index, event] of events.entries()) {
    const drained = consumer.write(event);
    if (drained !== undefined) return drained.then(() => writeInTurn(consumer, events.slice(index + 1)));
  }
  return undefined;
}
