import { ChatAccumulator } from "./chat-completions/accumulate.js";
import { ChunkRepair } from "./chat-completions/chunk-repair.js";
import { numberedCalls, plainChoice } from "./chat-completions/plain-choice.js";
import { asChunk, type ChatChunk, type ChatDelta, readChatChunk } from "./chat-completions/read-event.js";
import { TextAccumulator } from "./completions/accumulate.js";
import { readTextChunk, type TextChunk } from "./completions/read-event.js";
import { errorIn } from "./error-forms.js";
import { errorReading } from "./error-status.js";
import type { EventDialectName } from "./event-reading.js";
import type { EventReading } from "./kinds.js";
import { MessageFold } from "./messages/fold.js";
import type { NamedEvent } from "./named-events.js";
import { isObject, parseProviderJson } from "./provider-json.js";
import { writeJson } from "./raw-json.js";

/** What stands in for what a backend leaves out. */
export interface WholeFacts {
  readonly requestId: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/** Folds a stream into the one body that the backend would have sent without streaming. */
export interface WholeFold {
  /** @param parsed the form of an event that `EventGrammar.read` gave: preamble, content or trailer, in order */
  add(parsed: unknown): void;
  /** JSON. To be asked once, when the stream has come to its end. */
  body(): Uint8Array;
}

/** The fold of a dialect's streams. */
export function createWholeFold(dialect: EventDialectName, facts: WholeFacts): WholeFold {
  switch (dialect) {
    case "chat_completions":
      return new ChatFold({ ...facts, id: `chatcmpl-${facts.requestId}` });
    case "completions":
      return new TextFold({ ...facts, id: `cmpl-${facts.requestId}` });
    case "messages": {
      const fold = new MessageFold();
      return { add: (parsed) => fold.add(parsed as NamedEvent), body: () => fold.body() };
    }
    case "responses":
      return new ResponseFold();
  }
}

type Head = WholeFacts & { readonly id: string };

class ChatFold implements WholeFold {
  readonly #facts: Head;
  readonly #repair: ChunkRepair;
  readonly #accumulator = new ChatAccumulator();

  constructor(facts: Head) {
    this.#facts = facts;
    this.#repair = new ChunkRepair(facts, { isName: () => false });
  }

  add(parsed: unknown): void {
    const chunk = this.#repair.next(parsed as ChatChunk);
    if (chunk !== undefined) this.#accumulator.add(chunk);
  }

  body(): Uint8Array {
    const end = this.#repair.end();
    if (end !== undefined) this.#accumulator.add(end);
    return bytesOf(this.#accumulator.completion(this.#facts));
  }
}

class TextFold implements WholeFold {
  readonly #facts: Head;
  readonly #accumulator = new TextAccumulator();

  constructor(facts: Head) {
    this.#facts = facts;
  }

  add(parsed: unknown): void {
    this.#accumulator.add(parsed as TextChunk);
  }

  body(): Uint8Array {
    return bytesOf(this.#accumulator.completion(this.#facts));
  }
}

/** The whole response is in the last event, and in earlier ones as far as it was. */
class ResponseFold implements WholeFold {
  #response: object = {};

  add(parsed: unknown): void {
    const { response } = parsed as NamedEvent;
    if (isObject(response)) this.#response = response;
  }

  body(): Uint8Array {
    return bytesOf(this.#response);
  }
}

const bytesOf = (value: object): Uint8Array => Buffer.from(writeJson(value));

/**
 * Reads a whole answer as the one event that would say all of it: a chat or text completion as a single chunk, a
 * response as its `response.completed`, a message as itself (an event of type `message`). Never throws.
 */
export function readWhole(dialect: EventDialectName, data: string): EventReading {
  const value = parseProviderJson(data);
  if (!isObject(value)) return MALFORMED;
  const { type } = value;
  const error = typeof type === "string" && value["object"] !== "error" ? value["error"] : errorIn(value);
  switch (dialect) {
    case "chat_completions":
      return isPresent(error) ? errorReading(error) : complete(readAsChunk(value));
    case "completions":
      return isPresent(error) ? errorReading(error) : complete(readText(value));
    case "messages":
      return readMessage(value, error);
    case "responses":
      return isPresent(error) ? errorReading(error) : readResponse(value);
  }
}

const MALFORMED: EventReading = { kind: "malformed" };
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** An answer that is there to the end has one. */
function complete(reading: EventReading): EventReading {
  return reading.kind === "content" || reading.kind === "error" ? reading : MALFORMED;
}

function readAsChunk(value: Readonly<Record<string, unknown>>): EventReading {
  const { choices } = value;
  if (!Array.isArray(choices) || choices.length === 0 || !choices.every(isObject)) return MALFORMED;
  const deltas = choices.map(({ message, delta, ...rest }) =>
    plainChoice({ ...rest, delta: message === undefined ? delta : deltaOf(message) }),
  );
  const object = value["object"] === "chat.completion" ? "chat.completion.chunk" : value["object"];
  const chunk = asChunk({ ...value, object, choices: deltas });
  return chunk === undefined ? MALFORMED : readChatChunk(chunk);
}

const deltaOf = (message: unknown): ChatDelta => (isObject(message) ? numberedCalls(message) : (message as ChatDelta));

function readText(value: Readonly<Record<string, unknown>>): EventReading {
  const chunk = asChunk(value);
  return chunk === undefined ? MALFORMED : readTextChunk(chunk as TextChunk);
}

function readMessage(value: Readonly<Record<string, unknown>>, error: unknown): EventReading {
  const { type, content } = value;
  if (isPresent(error) || type === "error") return errorReading(error ?? value);
  if (type !== "message" || !Array.isArray(content) || !content.every(isObject)) return MALFORMED;
  return { kind: "content", parsed: value, finishes: true, generates: content.length > 0 };
}

function readResponse(response: Readonly<Record<string, unknown>>): EventReading {
  const { status, output } = response;
  if (!Array.isArray(output)) return MALFORMED;
  if (status === "failed" || status === "cancelled") return errorReading(response);
  const type = status === "incomplete" ? "response.incomplete" : "response.completed";
  return { kind: "content", parsed: { type, response }, finishes: true, generates: output.length > 0 };
}
