import type { NamedEvent } from "../named-events.js";
import { writeJson } from "../raw-json.js";
import { textParts } from "../text-parts.js";

type Members = Readonly<Record<string, unknown>>;

/** The events in which a server would have sent a whole message that streams. */
export function* messageEvents(message: Members): Generator<NamedEvent> {
  // These are known at the end, and SDKs take them from there alone.
  const { content, stop_reason = "end_turn", stop_sequence = null, usage = {}, ...rest } = message;
  const { stop_details, container, context_management, ...head } = rest;
  const delta = { stop_reason, stop_sequence, ...present({ stop_details, container }) };
  yield {
    type: "message_start",
    message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage },
  };
  for (const [index, block] of (content as readonly Members[]).entries()) yield* blockEvents(index, block);
  yield { type: "message_delta", delta, usage, ...present({ context_management }) };
  yield { type: "message_stop" };
}

const present = (members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

function* blockEvents(index: number, block: Members): Generator<NamedEvent> {
  yield { type: "content_block_start", index, content_block: emptyBlock(block) };
  for (const delta of deltas(block)) yield { type: "content_block_delta", index, delta };
  yield { type: "content_block_stop", index };
}

/** A block as it begins. */
function emptyBlock(block: Members): Members {
  switch (block["type"]) {
    case "text":
      return { ...block, text: "", ...(isList(block["citations"]) ? { citations: [] } : {}) };
    case "thinking":
      return { ...block, thinking: "" };
    case "compaction":
      return { ...block, content: null };
  }
  return isCall(block) ? { ...block, input: {} } : block;
}

/** How it grows. */
function* deltas(block: Members): Generator<Members> {
  switch (block["type"]) {
    case "text":
      return yield* textDeltas(block);
    case "thinking":
      return yield* thinkingDeltas(block);
    case "compaction": {
      const { content, encrypted_content } = block;
      return yield { type: "compaction_delta", content, ...present({ encrypted_content }) };
    }
  }
  if (!isCall(block)) return;
  // An input without members is there from the start, as Anthropic's servers have it.
  const input = writeJson(block["input"] ?? {});
  const parts = input === "{}" ? [""] : textParts(input);
  for (const part of parts) yield { type: "input_json_delta", partial_json: part };
}

function* textDeltas({ text, citations }: Members): Generator<Members> {
  for (const part of textParts(String(text ?? ""))) yield { type: "text_delta", text: part };
  for (const citation of isList(citations) ? citations : []) yield { type: "citations_delta", citation };
}

function* thinkingDeltas({ thinking, signature }: Members): Generator<Members> {
  for (const part of textParts(String(thinking ?? ""))) yield { type: "thinking_delta", thinking: part };
  if (typeof signature === "string") yield { type: "signature_delta", signature };
}

const CALLS: ReadonlySet<unknown> = new Set(["tool_use", "server_tool_use", "mcp_tool_use"]);
const isCall = ({ type }: Members): boolean => CALLS.has(type);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
