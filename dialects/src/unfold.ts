import type { ChatChunk, ChatDelta, ToolCallDelta } from "./chat-completions/read-event.js";
import type { TextChunk } from "./completions/read-event.js";
import type { EventDialectName } from "./event-reading.js";
import type { NamedEvent } from "./named-events.js";
import { isObject, parseProviderJson } from "./provider-json.js";
import { writeJson } from "./raw-json.js";
import { readWhole } from "./whole.js";

type Members = Readonly<Record<string, unknown>>;

/** Characters of one event's text at most: four bytes each in UTF-8, escaped six, and still far below a frame. */
const TEXT_LENGTH = 64 * 1024;

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
    if (typeof value === "string" && value.length > TEXT_LENGTH) long.push([key, value]);
    else short[key] = value;
  }
  yield short;
  for (const [key, text] of long) for (const part of parts(text)) yield { [key]: part };
  for (const [index, call] of (calls ?? []).entries()) {
    for (const part of callParts({ index, ...call })) yield { tool_calls: [part] };
  }
}

function* callParts(call: ToolCallDelta & { readonly index: number }): Generator<ToolCallDelta> {
  const { index, function: called } = call;
  const given = called?.arguments;
  if (typeof given !== "string") return yield call;
  const [first = "", ...rest] = parts(given);
  yield { ...call, function: { ...called, arguments: first } };
  for (const part of rest) yield { index, function: { arguments: part } };
}

function* textChunks({ choices = [], usage, ...head }: TextChunk): Generator<object> {
  for (const { index, text = "", logprobs = null, finish_reason, ...said } of choices) {
    const plain = { logprobs: null, finish_reason: null };
    const [first = "", ...rest] = parts(text);
    yield { ...head, choices: [{ index, text: first, ...plain, logprobs }] };
    for (const part of rest) yield { ...head, choices: [{ index, text: part, ...plain }] };
    yield { ...head, choices: [{ index, text: "", ...said, ...plain, finish_reason: finish_reason ?? "stop" }] };
  }
  if (usage) yield { ...head, choices: [], usage };
}

function* messageEvents(message: Members): Generator<NamedEvent> {
  const { content, stop_reason = "end_turn", stop_sequence = null, usage = {} } = message;
  const begun = { ...message, content: [], stop_reason: null, stop_sequence: null, usage };
  yield { type: "message_start", message: begun };
  for (const [index, block] of (content as readonly Members[]).entries()) yield* blockEvents(index, block);
  yield { type: "message_delta", delta: { stop_reason, stop_sequence }, usage };
  yield { type: "message_stop" };
}

/** What of a block grows, by the delta's type and member. */
const GROWING: Readonly<Record<string, readonly [delta: string, member: string]>> = {
  text: ["text_delta", "text"],
  thinking: ["thinking_delta", "thinking"],
};

function* blockEvents(index: number, block: Members): Generator<NamedEvent> {
  const delta = (value: Members): NamedEvent => ({ type: "content_block_delta", index, delta: value });
  const { type, input, signature } = block;
  const [deltaType, member] = GROWING[String(type)] ?? [];
  const calls = type === "tool_use";
  const empty = { ...block, ...(member === undefined ? {} : { [member]: "" }), ...(calls ? { input: {} } : {}) };
  yield { type: "content_block_start", index, content_block: empty };
  if (deltaType !== undefined && member !== undefined) {
    for (const part of parts(String(block[member] ?? ""))) yield delta({ type: deltaType, [member]: part });
  }
  if (type === "thinking" && typeof signature === "string") yield delta({ type: "signature_delta", signature });
  if (calls)
    for (const part of parts(writeJson(input ?? {}))) yield delta({ type: "input_json_delta", partial_json: part });
  yield { type: "content_block_stop", index };
}

function* responseEvents(response: Members): Generator<NamedEvent> {
  let sequence_number = 0;
  const { status } = response;
  const begun = { ...response, status: "in_progress", output: [], usage: null };
  const ending = { type: status === "incomplete" ? "response.incomplete" : "response.completed", response };
  const output = (response["output"] as readonly unknown[]).filter(isObject);
  const events = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...output.flatMap((item, index) => [...itemEvents(item, index)]),
    ending,
  ];
  for (const event of events) yield { ...event, sequence_number: sequence_number++ };
}

function* itemEvents(item: Members, output_index: number): Generator<NamedEvent> {
  const { id: item_id, type } = item;
  const place = { item_id, output_index };
  const isMessage = type === "message" && Array.isArray(item["content"]);
  const args = type === "function_call" ? String(item["arguments"] ?? "") : undefined;
  const begun = { ...item, status: "in_progress", ...(isMessage ? { content: [] } : {}) };
  yield {
    type: "response.output_item.added",
    output_index,
    item: args === undefined ? begun : { ...begun, arguments: "" },
  };
  if (isMessage) {
    for (const [content_index, part] of (item["content"] as readonly unknown[]).entries()) {
      if (isObject(part)) yield* partEvents(part, { ...place, content_index });
    }
  }
  if (args !== undefined) {
    for (const delta of parts(args)) yield { type: "response.function_call_arguments.delta", ...place, delta };
    yield { type: "response.function_call_arguments.done", ...place, name: item["name"], arguments: args };
  }
  yield { type: "response.output_item.done", output_index, item };
}

function* partEvents(part: Members, place: Members): Generator<NamedEvent> {
  const [name, member] = part["type"] === "refusal" ? ["refusal", "refusal"] : ["output_text", "text"];
  const text = String(part[member] ?? "");
  const logprobs = name === "output_text" ? { logprobs: part["logprobs"] ?? [] } : {};
  yield { type: "response.content_part.added", ...place, part: { ...part, [member]: "" } };
  for (const delta of parts(text)) yield { type: `response.${name}.delta`, ...place, delta, ...logprobs };
  yield { type: `response.${name}.done`, ...place, [member]: text, ...logprobs };
  yield { type: "response.content_part.done", ...place, part };
}

/** A text in pieces, none of which ends inside a character. */
function parts(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + TEXT_LENGTH;
    const splits = end < text.length && isHighSurrogate(text.charCodeAt(end - 1));
    pieces.push(text.slice(at, splits ? end - 1 : end));
    at = splits ? end - 1 : end;
  }
  return pieces;
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
