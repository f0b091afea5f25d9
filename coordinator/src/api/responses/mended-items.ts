import { ITEM_TYPES } from "./input-items.js";

type Item = Readonly<Record<string, unknown>>;

/** Types of items that hold what came of a call, as a text or as parts. */
const OUTPUTS: ReadonlySet<unknown> = new Set([
  "function_call_output",
  "custom_tool_call_output",
  "local_shell_call_output",
]);

/**
 * An item as the specification has it, from what clients send in its place: messages without their type, parts under the
 * names of chat completions, arguments and results that are values instead of texts, and `null` for nothing.
 *
 * @returns the same value where there is nothing to mend
 */
export function mendedItem(value: unknown): unknown {
  if (!isItem(value)) return value;
  const { type = null } = value;
  if (type === null) return mendedMessage({ ...value, type: "message" });
  if (type === "message") return mendedMessage(value);
  if (type === "function_call") return mendedCall(value);
  if (OUTPUTS.has(type)) return mendedOutput(value);
  // Those that are yet to come, and notes that agents make for themselves.
  if (typeof type === "string" && type !== "" && !ITEM_TYPES.has(type)) return { type: "unread", name: type };
  return value;
}

/** Whether an item is other than it came, apart from the type of a message: who reads only what is right gets no such. */
export function isMended(given: unknown, mended: unknown): boolean {
  if (given === mended || !isItem(given) || !isItem(mended)) return false;
  return Object.keys(mended).some((name) => name !== "type" && mended[name] !== given[name]);
}

const isItem = (value: unknown): value is Item => typeof value === "object" && value !== null && !Array.isArray(value);

function mendedMessage(message: Item): Item {
  const { content } = message;
  const mended = content === null ? "" : mendedParts(content);
  return mended === content ? message : { ...message, content: mended };
}

function mendedCall(call: Item): Item {
  const { call_id: callId, id, arguments: args } = call;
  const isText = typeof args === "string";
  if (isText && (callId ?? null) !== null) return call;
  return { ...call, call_id: callId ?? id, arguments: isText ? args : args === null ? "" : textOf(args) };
}

function mendedOutput(item: Item): Item {
  const { output } = item;
  if (typeof output === "string") return item;
  if (output === null) return { ...item, output: "" };
  const mended = isListOfParts(output) ? mendedParts(output) : textOf(output);
  return mended === output ? item : { ...item, output: mended };
}

const isListOfParts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((part) => isItem(part) && typeof part["type"] === "string");

/** What is no value at all is left for the schema to refuse. */
const textOf = (value: unknown): unknown => (value === undefined ? undefined : JSON.stringify(value));

function mendedParts(content: unknown): unknown {
  if (isItem(content) && typeof content["type"] === "string") return [mendedPart(content)];
  if (!Array.isArray(content)) return content;
  const mended = content.map(mendedPart);
  return mended.some((part, index) => part !== content[index]) ? mended : content;
}

function mendedPart(part: unknown): unknown {
  if (typeof part === "string") return { type: "input_text", text: part };
  if (!isItem(part)) return part;
  switch (part["type"]) {
    case "text":
      return { ...part, type: "input_text" };
    case "summary_text":
    case "reasoning_text":
      return { ...part, type: "output_text" };
    case "image_url":
    case "input_image":
      return mendedImage(part);
  }
  return part;
}

function mendedImage(part: Item): Item {
  const { image_url: image } = part;
  const url = isItem(image) ? image["url"] : image;
  return part["type"] === "input_image" && url === image ? part : { ...part, type: "input_image", image_url: url };
}
