import { isObject } from "../provider-json.js";

type Members = Readonly<Record<string, unknown>>;

/**
 * A choice in the form that all of OpenAI's clients know: what was said stands under `delta`, where some servers have a
 * `message`, and its content is text, where Mistral's has parts. The same object where there is nothing to change.
 */
export function plainChoice<Choice extends object>(choice: Choice): Choice {
  const { delta, message, ...rest } = choice as { readonly delta?: unknown; readonly message?: unknown };
  // Perplexity has both, and in the message all that was said by then.
  const said = isObject(delta) ? delta : isObject(message) ? numberedCalls(message) : undefined;
  if (said === undefined) return choice;
  const plain = Array.isArray(said["content"]) ? withTextContent(said) : said;
  return plain === delta ? choice : ({ ...rest, delta: plain } as Choice & object);
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
