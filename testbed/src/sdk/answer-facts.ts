import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { SpokenDialect } from "./recorded-traffic.js";

/** What the AI SDK reads in an answer. */
export interface AnswerFacts {
  readonly text: string;
  readonly reasoning: string;
  /** Id, name and arguments of each. */
  readonly calls: readonly (readonly [string, string, unknown])[];
  readonly finish: string | undefined;
  /** Tokens read and written. */
  readonly usage: readonly [number | undefined, number | undefined];
}

type Model = ReturnType<ReturnType<typeof createOpenAICompatible>>;
type Part = Awaited<ReturnType<Model["doGenerate"]>>["content"][number];
type Usage = Awaited<ReturnType<Model["doGenerate"]>>["usage"];

/** The answer as the SDK's provider for a dialect reads it. @throws whatever that throws */
export async function factsOf(dialect: SpokenDialect, body: string, isStream: boolean): Promise<AnswerFacts> {
  const type = isStream ? "text/event-stream" : "application/json";
  const model = modelOf(dialect, async () => new Response(body, { headers: { "content-type": type } }));
  return isStream ? await streamedFacts(model) : await wholeFacts(model);
}

function modelOf(dialect: SpokenDialect, fetch: () => Promise<Response>): Model {
  const settings = { apiKey: "k", baseURL: "http://127.0.0.1/v1", fetch };
  switch (dialect) {
    case "chat_completions":
      return createOpenAICompatible({ name: "recorded", includeUsage: true, ...settings })("m");
    case "completions":
      return createOpenAI(settings).completion("m");
    case "responses":
      return createOpenAI(settings).responses("m");
    case "messages":
      return createAnthropic(settings)("m");
  }
}

const PROMPT = { prompt: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }] };

async function wholeFacts(model: Model): Promise<AnswerFacts> {
  const { content, finishReason, usage } = await model.doGenerate(PROMPT);
  return facts(content, finishReason.unified, usage);
}

async function streamedFacts(model: Model): Promise<AnswerFacts> {
  const { stream } = await model.doStream(PROMPT);
  const parts: Part[] = [];
  let end: { readonly finish: string; readonly usage: Usage } | undefined;
  for await (const part of stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") parts.push({ type: "text", text: part.delta });
    if (part.type === "reasoning-delta") parts.push({ type: "reasoning", text: part.delta });
    if (part.type === "tool-call") parts.push(part);
    if (part.type === "finish") end = { finish: part.finishReason.unified, usage: part.usage };
  }
  return facts(parts, end?.finish, end?.usage);
}

function facts(parts: readonly Part[], finish: string | undefined, usage: Usage | undefined): AnswerFacts {
  const textOf = (type: "text" | "reasoning"): string =>
    parts.flatMap((part) => (part.type === type && "text" in part ? [part.text] : [])).join("");
  return {
    text: textOf("text"),
    reasoning: textOf("reasoning"),
    calls: parts.flatMap((part) =>
      part.type === "tool-call" ? [[part.toolCallId, part.toolName, JSON.parse(part.input)] as const] : [],
    ),
    finish,
    usage: [usage?.inputTokens.total, usage?.outputTokens.total],
  };
}
