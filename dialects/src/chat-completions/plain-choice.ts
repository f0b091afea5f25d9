import { isObject } from "../provider-json.js";

type Members = Readonly<Record<string, unknown>>;

/**
 * A choice in the form that all of OpenAI's clients know: what was said stands under `delta`, where some servers have a
 * `message`, or the `text` of a legacy completion; its content is text, where Mistral's has parts; its calls are a list
 * of functions, where some have one call alone, or its name and arguments beside its id. The same object where there is
 * nothing to change.
 */
export function plainChoice<Choice extends object>(choice: Choice): Choice {
  const { delta, message, ...rest } = choice as { readonly delta?: unknown; readonly message?: unknown };
  // Perplexity has both, and in the message all that was said by then.
  const said = isObject(delta) ? delta : isObject(message) ? numberedCalls(message) : textAlone(rest);
  if (said === undefined) return choice;
  const plain = withPlainCalls(withPlainContent(said));
  return plain === delta ? choice : ({ ...rest, delta: plain } as Choice & object);
}

const textAlone = ({ text }: Members): Members | undefined =>
  typeof text === "string" ? { content: text } : undefined;

function withPlainContent(said: Members): Members {
  const { content } = said;
  if (typeof content === "number" || typeof content === "boolean") return { ...said, content: String(content) };
  if (typeof content !== "object" || content === null) return said;
  return withTextContent({ ...said, content: Array.isArray(content) ? content : [content] });
}

function withPlainCalls(said: Members): Members {
  const { tool_calls: calls, function_call: legacy } = said;
  const one = isObject(legacy) && isObject(legacy["arguments"]);
  const called = one ? { ...said, function_call: { ...legacy, arguments: JSON.stringify(legacy["arguments"]) } } : said;
  if (isObject(calls)) return { ...called, tool_calls: [plainCall(calls)] };
  if (!Array.isArray(calls) || !calls.some(isFlat)) return called;
  return { ...called, tool_calls: calls.map((call: unknown) => (isFlat(call) ? plainCall(call) : call)) };
}

/** A call that is its function. */
const isFlat = (call: unknown): call is Members =>
  isObject(call) && call["function"] === undefined && (isName(call["name"]) || isName(call["arguments"]));
const isName = (value: unknown): boolean => typeof value === "string";

function plainCall(call: Members): Members {
  if (!isFlat(call)) return call;
  const { name, arguments: args, ...rest } = call;
  return {
    ...rest,
    function: { ...(name === undefined ? {} : { name }), ...(args === undefined ? {} : { arguments: args }) },
  };
}

/** Calls are numbered in a stream, and stand in their order in a whole answer. */
export function numberedCalls(message: Members): Members {
  if (!Array.isArray(message["tool_calls"])) return message;
  const calls = message["tool_calls"].map((call: unknown, index) => (isObject(call) ? { index, ...call } : call));
  return { ...message, tool_calls: calls };
}

function withTextContent({ content, ...said }: Members): Members {
  const texts = { content: "", refusal: "", reasoning_content: "" };
  for (const part of content as readonly unknown[]) {
    const [member, text] = partText(part);
    texts[member] += text;
  }
  const told = Object.entries(texts).filter(([member, text]) => text !== "" || member === "content");
  return { ...said, ...Object.fromEntries(told) };
}

/** Parts hold text, or parts of their own. */
function partText(part: unknown): readonly [member: "content" | "refusal" | "reasoning_content", text: string] {
  if (typeof part === "string") return ["content", part];
  if (!isObject(part)) return ["content", ""];
  const { type, text, thinking, refusal } = part;
  if (typeof refusal === "string") return ["refusal", refusal];
  const thoughts = thinking ?? (type === "reasoning" ? text : undefined);
  if (thoughts === undefined) return ["content", typeof text === "string" ? text : ""];
  const inner = Array.isArray(thoughts) ? thoughts.map((each) => partText(each)[1]).join("") : thoughts;
  return ["reasoning_content", typeof inner === "string" ? inner : ""];
}
