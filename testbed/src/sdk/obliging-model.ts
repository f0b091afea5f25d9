import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { callTools, messagesOf } from "./chat-backend.js";

// A model that does what it is told, for suites that test the server and would fail over a poor model's wits: it calls
// tools, keeps to schemas, bounds and stop sequences, repeats, remembers, and thinks where it is asked to.

type Schema = Readonly<Record<string, unknown>>;

/** What it reads of a chat. */
interface Asked {
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters?: Schema } }[];
  readonly tool_choice?: string | { readonly function: { readonly name: string } };
  readonly parallel_tool_calls?: boolean;
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly schema?: Schema } };
  readonly stop?: string | readonly string[];
  readonly max_tokens?: number;
  readonly logprobs?: boolean;
  readonly reasoning_effort?: string;
  readonly chat_template_kwargs?: { readonly enable_thinking?: boolean };
}

/** An answer before its bounds. */
interface Said {
  readonly thoughts: readonly string[];
  readonly tokens: readonly string[];
  readonly stop?: string | undefined;
}

export const obligingModel: Script = (stream) => {
  const asked = stream.body as Asked;
  const calls = callsOf(asked, stream);
  if (calls.length > 0) return callTools(stream, calls);
  say(stream, asked, answerTo(asked, stream));
};

/** What it can, as its provider advertises it. */
export const OBLIGING = {
  capabilities: { tools: true, vision: true, structured_output: true, logprobs: true, reasoning: true },
} as const;

function callsOf({ tools = [], tool_choice: choice = "auto", parallel_tool_calls: several }: Asked, s: ScriptedStream) {
  if (choice === "none" || messagesOf(s).at(-1)?.role === "tool") return [];
  const wanted = tools.filter(({ function: { name } }) => typeof choice === "string" || choice.function.name === name);
  return wanted
    .slice(0, several === false ? 1 : wanted.length)
    .map(({ function: { name, parameters = {} } }, index) => ({
      id: `call_${index}`,
      name,
      pieces: tokensOf(JSON.stringify(valueFor(parameters))),
    }));
}

/** A value that keeps to a schema, as far as those of tests go. */
function valueFor(schema: Schema): unknown {
  const { type, enum: choices, const: only, properties, items } = schema;
  if (Array.isArray(choices)) return choices[0];
  if (only !== undefined) return only;
  switch (Array.isArray(type) ? type[0] : type) {
    case "integer":
    case "number":
      return 4;
    case "boolean":
      return true;
    case "array":
      return [valueFor((items ?? {}) as Schema)];
    case "string":
      return "Paris";
    default:
      return Object.fromEntries(
        Object.entries((properties ?? {}) as Readonly<Record<string, Schema>>).map(([key, of]) => [key, valueFor(of)]),
      );
  }
}

function answerTo(asked: Asked, stream: ScriptedStream): Said {
  const { text, stop } = cutAt(wordsFor(asked, stream), asked.stop);
  const length = textOf(messagesOf(stream).at(-1)?.content).includes("at length") ? 64 : 4;
  const thinks = asked.chat_template_kwargs?.enable_thinking ?? (asked.reasoning_effort ?? "none") !== "none";
  return { thoughts: thinks ? Array<string>(length).fill("hm ") : [], tokens: tokensOf(text), stop };
}

function wordsFor({ response_format: format }: Asked, stream: ScriptedStream): string {
  if (format?.type === "json_object") return JSON.stringify({ name: "Ada", age: 36 });
  if (format?.type === "json_schema") return JSON.stringify(valueFor(format.json_schema?.schema ?? {}));
  const said = messagesOf(stream).map(({ role, content }) => ({ role, text: textOf(content) }));
  const { role, text } = said.at(-1) ?? { role: "user", text: "" };
  // What the assistant has begun is gone on with.
  if (role === "assistant") return "is, of course.";
  const ordered = said.find((each) => each.role === "system" && each.text.includes("reply with exactly"));
  const named = said.map((each) => /\bname is (\w+)/.exec(each.text)?.[1]).findLast((name) => name !== undefined);
  return (
    /exactly the word "(\w+)"/.exec(ordered?.text ?? "")?.[1] ??
    /(?:nothing else|say exactly): (.+)/is.exec(text)?.[1] ??
    (text.includes("my name?") ? named : undefined) ??
    sumIn(text) ??
    "One, two, three, four, five, six, seven, eight, nine and ten are the numbers that I know."
  );
}

function sumIn(text: string): string | undefined {
  const [, left, sign, right] = /(\d+) ([*+]) (\d+)/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  return String(sign === "*" ? Number(left) * Number(right) : Number(left) + Number(right));
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content.flatMap((part: { readonly text?: string }) => part.text ?? []).join(" ");
}

function cutAt(text: string, stop: Asked["stop"] = []): { readonly text: string; readonly stop: string | undefined } {
  const found = [stop].flat().filter((each) => text.includes(each));
  const [first] = found.sort((a, b) => text.indexOf(a) - text.indexOf(b));
  return { text: first === undefined ? text : text.slice(0, text.indexOf(first)), stop: first };
}

const tokensOf = (text: string): string[] => text.match(/\s*\S{1,6}|\s+$/gu) ?? [];

/** Thoughts first: both are within the bound. */
function say(stream: ScriptedStream, { max_tokens: most, logprobs }: Asked, { thoughts, tokens, stop }: Said): void {
  const all = [...thoughts.map((text) => ({ reasoning_content: text })), ...tokens.map((text) => ({ content: text }))];
  const within = all.slice(0, most);
  stream.role();
  for (const delta of within) stream.event(withLogprobs(stream.chunk(delta), logprobs === true));
  const last = stream.chunk({}, within.length < all.length ? "length" : "stop");
  const stopped = within.length < all.length ? undefined : stop;
  stream.event(stopped === undefined ? last : withMembers(last, { stop_reason: stopped }));
  const promptTokens = tokensOf(JSON.stringify(stream.body["messages"])).length;
  stream.end({ prompt_tokens: promptTokens, completion_tokens: within.length });
}

type ChatChunk = ReturnType<ScriptedStream["chunk"]>;
type Choice = { readonly delta: { readonly content?: string } };

function withLogprobs(chunk: ChatChunk, wanted: boolean): ChatChunk {
  const token = (chunk["choices"] as readonly Choice[])[0]?.delta.content;
  if (!wanted || token === undefined) return chunk;
  const bytes = [...Buffer.from(token)];
  const content = [{ token, bytes, logprob: -0.25, top_logprobs: [{ token, bytes, logprob: -0.25 }] }];
  return withMembers(chunk, { logprobs: { content, refusal: null } });
}

function withMembers(chunk: ChatChunk, members: object): ChatChunk {
  return { ...chunk, choices: (chunk["choices"] as readonly Choice[]).map((choice) => ({ ...choice, ...members })) };
}
