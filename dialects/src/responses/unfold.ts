import type { NamedEvent } from "../named-events.js";
import { isObject } from "../provider-json.js";
import { textParts } from "../text-parts.js";

type Members = Readonly<Record<string, unknown>>;

/** The events in which a server would have sent a whole response that streams. */
export function* responseEvents(response: Members): Generator<NamedEvent> {
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

/** What of a call grows: its member, and the events that tell of it. */
const GROWING: Readonly<Record<string, readonly [member: string, events: string]>> = {
  function_call: ["arguments", "function_call_arguments"],
  custom_tool_call: ["input", "custom_tool_call_input"],
  mcp_call: ["arguments", "mcp_call_arguments"],
  code_interpreter_call: ["code", "code_interpreter_call_code"],
};

function* itemEvents(item: Members, output_index: number): Generator<NamedEvent> {
  const place = { item_id: item["id"], output_index };
  yield { type: "response.output_item.added", output_index, item: begunItem(item) };
  for (const [summary_index, part] of partsOf(item, "summary").entries())
    yield* summaryEvents(part, { ...place, summary_index });
  for (const [content_index, part] of partsOf(item, "content").entries())
    yield* partEvents(part, { ...place, content_index });
  const [member, events] = GROWING[String(item["type"])] ?? [];
  if (member !== undefined) {
    const text = String(item[member] ?? "");
    for (const delta of textParts(text)) yield { type: `response.${events}.delta`, ...place, delta };
    const called = item["type"] === "function_call" ? { name: item["name"] } : {};
    yield { type: `response.${events}.done`, ...place, ...called, [member]: text };
  }
  yield { type: "response.output_item.done", output_index, item };
}

const SPOKEN: ReadonlySet<unknown> = new Set(["message", "reasoning"]);

/** Parts that come one by one. */
const partsOf = (item: Members, member: "summary" | "content"): readonly Members[] =>
  SPOKEN.has(item["type"]) && Array.isArray(item[member]) ? item[member].filter(isObject) : [];

/** An item as it begins. */
function begunItem(item: Members): Members {
  const [member] = GROWING[String(item["type"])] ?? [];
  const empty = Object.fromEntries(
    (["summary", "content"] as const).filter((each) => partsOf(item, each).length > 0).map((each) => [each, []]),
  );
  return { ...item, status: "in_progress", ...empty, ...(member === undefined ? {} : { [member]: "" }) };
}

function* summaryEvents(part: Members, place: Members): Generator<NamedEvent> {
  const text = String(part["text"] ?? "");
  yield { type: "response.reasoning_summary_part.added", ...place, part: { ...part, text: "" } };
  for (const delta of textParts(text)) yield { type: "response.reasoning_summary_text.delta", ...place, delta };
  yield { type: "response.reasoning_summary_text.done", ...place, text };
  yield { type: "response.reasoning_summary_part.done", ...place, part };
}

/** What a part's events are called, and its text. */
const TEXTS: Readonly<Record<string, readonly [events: string, member: string]>> = {
  refusal: ["refusal", "refusal"],
  reasoning_text: ["reasoning_text", "text"],
};

function* partEvents(part: Members, place: Members): Generator<NamedEvent> {
  const [name, member] = TEXTS[String(part["type"])] ?? ["output_text", "text"];
  const text = String(part[member] ?? "");
  const none = name === "output_text" ? { logprobs: [] } : {};
  const logprobs = name === "output_text" && part["logprobs"] ? { logprobs: part["logprobs"] } : none;
  const annotations = Array.isArray(part["annotations"]) ? (part["annotations"] as readonly unknown[]) : [];
  const unmarked = annotations.length === 0 ? {} : { annotations: [] };
  yield { type: "response.content_part.added", ...place, part: { ...part, ...unmarked, [member]: "" } };
  for (const [index, delta] of textParts(text).entries()) {
    yield { type: `response.${name}.delta`, ...place, delta, ...(index === 0 ? logprobs : none) };
  }
  for (const [annotation_index, annotation] of annotations.entries()) {
    yield { type: "response.output_text.annotation.added", ...place, annotation_index, annotation };
  }
  yield { type: `response.${name}.done`, ...place, [member]: text, ...logprobs };
  yield { type: "response.content_part.done", ...place, part };
}
