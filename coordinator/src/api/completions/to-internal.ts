import { memberSplices, splice } from "@hearth/dialects";
import type { BackendDialect, RequestId } from "@hearth/protocol";
import type { OutboundForm } from "../../dispatch/outbound-request.js";
import { inOneGo, type Steps, spansTurns } from "../../platform/steps.js";
import { DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { type Arrived, type JsonBody, jsonBodySteps } from "../json-body.js";
import {
  answerBound,
  askForOne,
  askForStream,
  baseEdits,
  choicesOf,
  type Edits,
  editsOfForm,
} from "../member-edits.js";
import { endUserOf } from "../members/end-user.js";
import { sortMembers } from "../members/request-members.js";
import { readingOf } from "../translation/reading-of.js";
import { type CompletionBody, type ParsedCompletion, parseCompletion } from "./parse.js";

/** A legacy completion request, with what only this dialect needs to write the reply. */
export interface CompletionRequest extends InferenceRequest {
  readonly includeUsage: boolean;
  /** What the answer begins with, where the backend does not repeat the prompt itself. */
  readonly echo: string;
  /** The prompt alone is wanted, and nothing that a model says. */
  readonly echoOnly: boolean;
}

/**
 * Reads a body. A backend that speaks this API natively gets the consumer's own text; any other gets a chat with the
 * prompt as its one message.
 *
 * @throws HearthError `invalid_request`
 */
export function toCompletionRequest(raw: Buffer, id: RequestId): CompletionRequest {
  return inOneGo(completionRequestSteps({ raw, id, bounds: DEFAULT_BODY_BOUNDS }));
}

/** {@link toCompletionRequest} in steps. */
export function* completionRequestSteps({ raw, id, bounds }: Arrived): Steps<CompletionRequest> {
  const json = yield* jsonBodySteps(raw, bounds);
  const parsed = parseCompletion(json.value);
  yield;
  const { body, prompt } = parsed;
  const members = sortMembers("completions", body);
  const messages = messagesOf(prompt ?? "");
  if (spansTurns(raw.length)) {
    messages();
    yield;
  }
  const stream = body.stream === true;
  return {
    id,
    model: body.model,
    delivery: stream ? "interactive" : "whole",
    form: ({ dialects }, build, choice) =>
      formOf({ json, parsed, messages, removed: members.removed }, { native: dialects, build, choice }),
    ...choicesOf(body.n),
    stream,
    ignored: members.ignored,
    includeUsage: body.stream_options?.include_usage === true,
    echo: body.echo === true ? (prompt ?? "") : "",
    echoOnly: body.max_tokens === 0,
    needs: {
      tools: false,
      vision: false,
      logprobs: Boolean(body.logprobs),
      ...(needsNative(parsed) ? { dialect: "completions" } : {}),
    },
    ...endUserOf("completions", body),
    messageCount: 1,
    promptTokens: parsed.promptTokens,
    maxTokens: answerBound(body.max_tokens) || undefined,
  };
}

/** A suffix and token ids have no form in a chat. */
function needsNative({ body, prompt }: ParsedCompletion): boolean {
  return prompt === undefined || Boolean(body.suffix);
}

interface Source {
  readonly json: JsonBody;
  readonly parsed: ParsedCompletion;
  /** The prompt as the messages of a chat. */
  readonly messages: () => string;
  /** Members that go no further. */
  readonly removed: readonly string[];
}

function messagesOf(prompt: string): () => string {
  let text: string | undefined;
  return () => {
    text ??= JSON.stringify([{ role: "user", content: prompt }]);
    return text;
  };
}

/** Whom a form is for, and which of several answers it asks for. */
interface Asked {
  readonly native: readonly BackendDialect[];
  readonly build: string;
  readonly choice: number | undefined;
}

function formOf({ json, parsed: { body }, messages, removed }: Source, { native, build, choice }: Asked): OutboundForm {
  const edits = editsOfForm(baseEdits(body, removed), body, build, choice);
  askForStream(edits, body);
  askForOne(edits, body);
  if ((body.n ?? 1) > 1 && "best_of" in body) edits.set("best_of", undefined);
  if (body.max_tokens === -1) edits.set("max_tokens", undefined);
  const dialect = native.includes("completions") ? "completions" : "chat_completions";
  if (dialect !== "completions") toChat(edits, body, messages());
  return {
    dialect,
    body: Buffer.from(splice(json.object.text, memberSplices(json.object, edits))),
    ...readingOf(dialect, body.stream === true ? "interactive" : "whole"),
  };
}

function toChat(edits: Edits, body: CompletionBody, messages: string): void {
  for (const key of ["prompt", "echo", "best_of", "logprobs"]) if (key in body) edits.set(key, undefined);
  edits.set("messages", messages);
  // No chat answers with nothing: what it says is left out.
  if (body.max_tokens === 0) edits.set("max_tokens", "1");
  if (typeof body.logprobs !== "number") return;
  edits.set("logprobs", "true");
  edits.set("top_logprobs", String(body.logprobs));
}
