import type { RequestId } from "@hearth/protocol";
import type { OutboundForm } from "../../dispatch/outbound-request.js";
import { HearthError } from "../../platform/errors.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { editMembers, MAX_JSON_DEPTH } from "../../request/json-members.js";
import { type ChatCompletionBody, parseChatCompletion } from "./parse.js";
import { readChatEvent } from "./read-event.js";

/** A chat completion request, with what only this dialect needs to write the reply. */
export interface ChatRequest extends InferenceRequest {
  readonly includeUsage: boolean;
}

/** Members that identify the consumer's end user: no provider has any use for them. */
const STRIPPED = ["user", "prompt_cache_key", "safety_identifier", "metadata", "store"];

/** Characters a token is taken to have, for estimates before any tokenizer has seen the prompt. */
const CHARACTERS_PER_TOKEN = 4;
/** Tokens an image is taken to cost. */
const TOKENS_PER_IMAGE = 1_000;

/**
 * Reads a body. What goes to the provider is the consumer's own text with a handful of members set: always streaming,
 * always with usage, without what identifies the end user.
 *
 * @throws HearthError `invalid_request`
 */
export function normaliseChat(raw: Buffer, id: RequestId): ChatRequest {
  const text = raw.toString("utf8");
  const body = parseChatCompletion(parseObject(text));
  const edits = editsFor(body);
  const stream = body.stream === true;
  const form = formOf(raw, text, edits);
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: (_native, build) =>
      build === body.model ? form : formOf(raw, text, edits.set("model", JSON.stringify(build))),
    toolsRepaired: false,
    stream,
    includeUsage: body.stream_options?.include_usage === true,
    needs: { tools: (body.tools?.length ?? 0) > 0, vision: body.messages.some(hasImage) },
    promptTokens: estimateTokens(body),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
  };
}

function formOf(raw: Buffer, text: string, edits: ReadonlyMap<string, string | undefined>): OutboundForm {
  const edited = editMembers(text, edits);
  if (edited === undefined) {
    throw new HearthError("invalid_request", `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  return {
    dialect: "chat_completions",
    body: edited === text ? raw : Buffer.from(edited),
    readEvent: readChatEvent,
  };
}

function parseObject(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HearthError("invalid_request", "The body is not valid JSON.", { cause: syntaxOnly(cause) });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HearthError("invalid_request", "The body must be a JSON object.");
  }
  return value;
}

/** V8 quotes the text around a syntax error, and that text is a prompt. */
function syntaxOnly(cause: unknown): string {
  return cause instanceof Error ? cause.name : "unknown";
}

function editsFor(body: ChatCompletionBody): Map<string, string | undefined> {
  const edits = new Map<string, string | undefined>();
  if (body.stream !== true) edits.set("stream", "true");
  if (body.stream_options?.include_usage !== true) {
    edits.set("stream_options", JSON.stringify({ ...body.stream_options, include_usage: true }));
  }
  for (const key of STRIPPED) if (key in body) edits.set(key, undefined);
  return edits;
}

function hasImage(message: ChatCompletionBody["messages"][number]): boolean {
  return Array.isArray(message.content) && message.content.some((part) => part.type === "image_url");
}

function estimateTokens(body: ChatCompletionBody): number {
  let characters = 0;
  let images = 0;
  for (const message of body.messages) {
    characters += 8; // role and separators
    if (typeof message.content === "string") characters += message.content.length;
    else
      for (const part of message.content ?? [])
        if (part.type === "image_url") images += 1;
        else characters += lengthOf(part["text"]);
  }
  if (body.tools) characters += JSON.stringify(body.tools).length;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + images * TOKENS_PER_IMAGE;
}

const lengthOf = (text: unknown): number => (typeof text === "string" ? text.length : 0);
