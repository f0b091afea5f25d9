import { z } from "zod";
import { type CommonRequest, commonRequestSchema, type Maybe, maybe } from "./common-request.js";

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

export interface RefusalPart {
  readonly type: "refusal";
  readonly refusal: string;
}

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  /** `arguments` is JSON text, as a model wrote it. */
  readonly function: { readonly name: string; readonly arguments: string };
}

export type ChatMessage =
  | {
      readonly role: "system" | "developer" | "user";
      readonly content: string | readonly TextPart[];
      readonly name?: Maybe<string>;
    }
  | {
      readonly role: "assistant";
      readonly content?: Maybe<string | readonly (TextPart | RefusalPart)[]>;
      readonly refusal?: Maybe<string>;
      readonly name?: Maybe<string>;
      readonly tool_calls?: Maybe<readonly ToolCall[]>;
    }
  | {
      readonly role: "tool";
      readonly content: string | readonly TextPart[];
      readonly tool_call_id?: Maybe<string>;
    };

/** Tools are shown to the model as they came, unknown fields included. */
export interface ChatTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: Maybe<string>;
    readonly parameters?: Maybe<Readonly<Record<string, unknown>>>;
  };
}

export type ToolChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | { readonly type: "json_schema"; readonly json_schema: { readonly schema: Readonly<Record<string, unknown>> } };

/** The body of POST /v1/chat/completions. */
export interface ChatRequest extends CommonRequest {
  readonly messages: readonly ChatMessage[];
  readonly max_completion_tokens?: Maybe<number>;
  readonly tools?: Maybe<readonly ChatTool[]>;
  readonly tool_choice?: Maybe<ToolChoice>;
  readonly parallel_tool_calls?: Maybe<boolean>;
  readonly response_format?: Maybe<ResponseFormat>;
  /** More variables for the model's chat template, such as `enable_thinking`. */
  readonly chat_template_kwargs?: Maybe<Readonly<Record<string, unknown>>>;
}

const TEXT_ONLY = "a string or text parts are supported";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const refusalPart = z.object({ type: z.literal("refusal"), refusal: z.string() });
const textContent = z.union([z.string(), z.array(textPart)], TEXT_ONLY);
const assistantContent = z.union([z.string(), z.array(z.union([textPart, refusalPart]))], TEXT_ONLY);

const toolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const message = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer", "user"]), content: textContent, name: maybe(z.string()) }),
  z.object({
    role: z.literal("assistant"),
    content: maybe(assistantContent),
    refusal: maybe(z.string()),
    name: maybe(z.string()),
    tool_calls: maybe(z.array(toolCall)),
  }),
  z.object({ role: z.literal("tool"), content: textContent, tool_call_id: maybe(z.string()) }),
]);

const tool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string().min(1),
    description: maybe(z.string()),
    parameters: maybe(z.record(z.string(), z.unknown())),
  }),
});

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
]);

const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
  }),
]);

export const chatRequestSchema: z.ZodType<ChatRequest> = commonRequestSchema.and(
  z.object({
    messages: z.array(message).min(1),
    max_completion_tokens: maybe(z.int().min(1)),
    tools: maybe(z.array(tool)),
    tool_choice: maybe(toolChoice),
    parallel_tool_calls: maybe(z.boolean()),
    response_format: maybe(responseFormat),
    chat_template_kwargs: maybe(z.record(z.string(), z.unknown())),
    logprobs: maybe(z.literal(false, "logprobs are not supported")),
    audio: maybe(z.never("audio is not supported")),
    functions: maybe(z.never("functions are not supported: use tools")),
    function_call: maybe(z.never("function_call is not supported: use tool_choice")),
  }),
);
