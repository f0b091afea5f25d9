import type { ChatChunk, ChatDelta, ToolCallDelta } from "./chat-completions/read-event.js";
import type { TextChunk } from "./completions/read-event.js";
import type { EventDialectName } from "./event-reading.js";
import { messageEvents } from "./messages/unfold.js";
import type { NamedEvent } from "./named-events.js";
import { isObject, parseProviderJson } from "./provider-json.js";
import { writeJson } from "./raw-json.js";
import { responseEvents } from "./responses/unfold.js";
import { LONGEST_PART, textParts } from "./text-parts.js";
import { readWhole } from "./whole.js";

type Members = Readonly<Record<string, unknown>>;

/**
 * Unfolds the whole answer of a server that was asked to stream and did not, into the stream that it would have sent.
 * No event of it is long. Chunks that came as a JSON list, or one a line, are the events that they would have been.
 *
 * @returns `undefined` for what is no answer
 */
export function unfoldWhole(dialect: EventDialectName, text: string): Buffer | undefined {
  const reading = readWhole(dialect, text);
  if (reading.kind !== "content") return dialect === "messages" || dialect === "responses" ? undefined : listed(text);
  switch (dialect) {
    case "chat_completions":
      return chunks(chatChunks(reading.parsed as ChatChunk));
    case "completions":
      return chunks(textChunks(reading.parsed as TextChunk));
    case "messages":
      return named(messageEvents(reading.parsed as Members));
    case "responses":
      return named(responseEvents((reading.parsed as { readonly response: Members }).response));
  }
}

/** @returns `undefined` for what is no list of chunks */
function listed(text: string): Buffer | undefined {
  const list = parseProviderJson(text) ?? text.trim().split(LINE_END).map(parseProviderJson);
  if (!Array.isArray(list) || list.length === 0 || !list.every(isObject)) return undefined;
  const choices = list.flatMap((chunk) => (Array.isArray(chunk["choices"]) ? chunk["choices"] : [])).filter(isObject);
  // Lines may have been cut off at the end of one.
  return choices.some((choice) => Boolean(choice["finish_reason"])) ? chunks(list) : undefined;
}

const LINE_END = /\s*[\r\n]\s*/;

const chunks = (each: Iterable<object>): Buffer =>
  Buffer.from(
    [...each]
      .map((chunk) => `data: ${writeJson(chunk)}\n\n`)
      .join("")
      .concat("data: [DONE]\n\n"),
  );
const named = (each: Iterable<NamedEvent>): Buffer =>
  Buffer.from([...each].map((event) => `event: ${event.type}\ndata: ${writeJson(event)}\n\n`).join(""));

function* chatChunks({ choices = [], usage, ...head }: ChatChunk): Generator<object> {
  for (const { index, delta, finish_reason, logprobs, ...said } of choices) {
    let first: object = logprobs === undefined ? {} : { logprobs };
    for (const each of deltas(delta ?? {})) {
      yield { ...head, choices: [{ index, delta: each, ...first, finish_reason: null }] };
      first = {};
    }
    // Once, as lists are continued by whoever puts chunks together, and beside the end, where what stopped it is told.
    yield { ...head, choices: [{ index, delta: {}, ...said, finish_reason }] };
  }
  if (usage) yield { ...head, choices: [], usage };
}

/** One delta, unless its texts are long. */
function* deltas({ tool_calls: calls, ...delta }: ChatDelta): Generator<ChatDelta> {
  const long: [string, string][] = [];
  const short: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(delta)) {
    if (typeof value === "string" && value.length > LONGEST_PART) long.push([key, value]);
    else short[key] = value;
  }
  yield short;
  for (const [key, text] of long) for (const part of textParts(text)) yield { [key]: part };
  for (const [index, call] of (calls ?? []).entries()) {
    for (const part of callParts({ index, ...call })) yield { tool_calls: [part] };
  }
}

function* callParts(call: ToolCallDelta & { readonly index: number }): Generator<ToolCallDelta> {
  const { index, function: called } = call;
  const given = called?.arguments;
  if (typeof given !== "string") return yield call;
  const [first = "", ...rest] = textParts(given);
  yield { ...call, function: { ...called, arguments: first } };
  for (const part of rest) yield { index, function: { arguments: part } };
}

function* textChunks({ choices = [], usage, ...head }: TextChunk): Generator<object> {
  for (const { index, text = "", logprobs = null, finish_reason, ...said } of choices) {
    const plain = { logprobs: null, finish_reason: null };
    const [first = "", ...rest] = textParts(text);
    yield { ...head, choices: [{ index, text: first, ...plain, logprobs }] };
    for (const part of rest) yield { ...head, choices: [{ index, text: part, ...plain }] };
    yield { ...head, choices: [{ index, text: "", ...said, ...plain, finish_reason: finish_reason ?? "stop" }] };
  }
  if (usage) yield { ...head, choices: [], usage };
}
