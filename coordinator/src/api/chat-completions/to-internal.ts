import { memberSplices, type Splice, splice } from "@hearth/dialects";
import type { RequestId } from "@hearth/protocol";
import type { OutboundForm } from "../../dispatch/outbound-request.js";
import { inOneGo, type Steps } from "../../platform/steps.js";
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
import { conversationOf } from "../translation/opening.js";
import { estimatePrompt } from "../translation/prompt-estimate.js";
import { readingOf } from "../translation/reading-of.js";
import { offeredTools } from "./offered-tools.js";
import { type ChatCompletionBody, parseChatCompletion } from "./parse.js";
import { placedSystemSteps } from "./placed-system.js";
import { smallRepairSteps } from "./small-repairs.js";

/** A chat completion request, with what only this dialect needs to write the reply. */
export interface ChatRequest extends InferenceRequest {
  readonly includeUsage: boolean;
  /** Of the tools that the model may call. */
  readonly toolNames: ReadonlySet<string>;
  /** It may call one of them at most. */
  readonly oneCall: boolean;
  /** Of them, the custom ones. */
  readonly customTools: ReadonlySet<string>;
}

/**
 * Reads a body. What goes to the provider is the consumer's own text with a handful of members set: always streaming,
 * always with usage, without what identifies the end user, with what no server reads put right. Tools go out as they
 * came, as far as they are functions: what its model's template makes of them is the agent's to know.
 *
 * @throws HearthError `invalid_request`
 */
export function toChatRequest(raw: Buffer, id: RequestId): ChatRequest {
  return inOneGo(chatRequestSteps({ raw, id, bounds: DEFAULT_BODY_BOUNDS }));
}

/** {@link toChatRequest} in steps. */
export function* chatRequestSteps({ raw, id, bounds }: Arrived): Steps<ChatRequest> {
  const json = yield* jsonBodySteps(raw, bounds, "left_out");
  const body = parseChatCompletion(json.value);
  yield;
  const tools = offeredTools(json.object, body, yield* smallRepairSteps(json.object, body));
  const { repairs } = tools;
  yield;
  const placed = yield* placedSystemSteps(json.object, body.messages, repairs);
  yield;
  const prompt = estimatePrompt(body.messages, tools.names.size > 0 ? JSON.stringify(body.tools) : "");
  yield;
  const { removed, ignored } = sortMembers("chat_completions", body);
  const edits = editsFor(body, removed);
  for (const [name, edit] of tools.edits) edits.set(name, edit);
  const stream = body.stream === true;
  const delivery = stream ? "interactive" : "whole";
  const asItCame = formOf(json, edits, repairs, delivery);
  yield;
  const asAllTakeIt = placed === repairs ? asItCame : formOf(json, edits, placed, delivery);
  yield;
  return {
    id,
    model: body.model,
    delivery,
    form: ({ systemAnywhere = false }, build, choice = 0) => {
      if (build === body.model && choice === 0) return systemAnywhere ? asItCame : asAllTakeIt;
      const inner = systemAnywhere ? repairs : placed;
      return formOf(json, editsOfForm(edits, body, build, choice), inner, delivery);
    },
    ...choicesOf(body.n),
    stream,
    ignored: [...tools.ignored, ...ignored],
    includeUsage: body.stream_options?.include_usage === true,
    oneCall: body.parallel_tool_calls === false,
    toolNames: tools.names,
    customTools: tools.custom,
    needs: {
      tools: tools.names.size > 0 || (body.functions?.length ?? 0) > 0,
      vision: prompt.hasImages,
      structuredOutput: body.response_format?.type === "json_schema",
      logprobs: body.logprobs === true,
    },
    ...endUserOf("chat_completions", body),
    messageCount: body.messages.length,
    promptTokens: prompt.tokens,
    maxTokens: answerBound(body.max_completion_tokens) ?? answerBound(body.max_tokens),
    conversation: conversationOf(body.messages),
  };
}

function formOf(
  { raw, object }: JsonBody,
  edits: Edits,
  inner: readonly Splice[],
  delivery: InferenceRequest["delivery"],
): OutboundForm {
  const splices = [...memberSplices(object, edits), ...inner];
  const body = splices.length === 0 ? raw : Buffer.from(splice(object.text, splices));
  return { dialect: "chat_completions", body, ...readingOf("chat_completions", delivery) };
}

function editsFor(body: ChatCompletionBody, removed: readonly string[]): Edits {
  const edits = baseEdits(body, removed);
  askForStream(edits, body);
  askForOne(edits, body);
  limitAnswer(body, edits);
  return edits;
}

/**
 * OpenAI's newer name for the bound is not known to every backend (Ollama ignores it, and an ignored bound is an
 * endless answer; some refuse unknown members). The older one is known to all: llama.cpp, Ollama, LM Studio, MLX, vLLM.
 */
function limitAnswer(body: ChatCompletionBody, edits: Edits): void {
  const bound = answerBound(body.max_completion_tokens) ?? answerBound(body.max_tokens);
  if (typeof body.max_completion_tokens === "number") edits.set("max_completion_tokens", undefined);
  if (body.max_tokens === (bound ?? null)) return;
  edits.set("max_tokens", bound === undefined ? undefined : String(bound));
}
