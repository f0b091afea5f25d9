import type { NamedEvent } from "../named-events.js";
import { isObject } from "../provider-json.js";
import { RawJson, writeJson } from "../raw-json.js";

type Members = Record<string, unknown>;

/** Folds the events of Messages into the message that a consumer gets who does not stream. */
export class MessageFold {
  #message: Members = {};
  readonly #blocks = new Map<unknown, Members>();
  /** The arguments of tool calls, by block, as text. */
  readonly #inputs = new Map<Members, string>();

  add(event: NamedEvent): void {
    switch (event.type) {
      case "message_start":
        // Another message in its place: nothing of the first one is its.
        this.#message = { ...(event["message"] as Members) };
        this.#blocks.clear();
        break;
      case "content_block_start":
        this.#begin(event);
        break;
      case "content_block_delta":
        this.#grow(this.#blocks.get(event["index"]), event["delta"]);
        break;
      case "message_delta":
        this.#end(event);
        break;
    }
  }

  #begin({ index, content_block: begun }: NamedEvent): void {
    const block = { ...(begun as Members) };
    this.#blocks.set(index, block);
    const { type, to } = block;
    // From there on another model answers, which a whole message names.
    if (type === "fallback" && isObject(to) && typeof to["model"] === "string") this.#message["model"] = to["model"];
  }

  /** Of the context it is said beside the delta what was cleared. */
  #end({ type: _type, delta, usage, ...said }: NamedEvent): void {
    Object.assign(this.#message, said, delta);
    this.#message["usage"] = { ...(this.#message["usage"] as Members), ...known(usage) };
  }

  /** JSON text, because arguments keep their digits only as text. */
  body(): Uint8Array {
    const content = [...this.#blocks.values()].map((block) => this.#finished(block));
    return Buffer.from(writeJson({ ...this.#message, content, ...missingFrom(this.#message) }));
  }

  #grow(block: Members | undefined, delta: unknown): void {
    if (block === undefined || !isObject(delta)) return;
    switch (delta["type"]) {
      case "text_delta":
        block["text"] = textOf(block["text"]) + textOf(delta["text"]);
        break;
      case "thinking_delta":
        block["thinking"] = textOf(block["thinking"]) + textOf(delta["thinking"]);
        break;
      case "signature_delta":
        block["signature"] = delta["signature"];
        break;
      case "input_json_delta":
        this.#inputs.set(block, (this.#inputs.get(block) ?? "") + textOf(delta["partial_json"]));
        break;
      case "citations_delta":
        block["citations"] = [...listOf(block["citations"]), delta["citation"]];
        break;
      case "compaction_delta":
        block["content"] = delta["content"];
        if ("encrypted_content" in delta) block["encrypted_content"] = delta["encrypted_content"];
        break;
    }
  }

  #finished(block: Members): Members {
    const text = this.#inputs.get(block);
    if (text === undefined || text.trim() === "") return block;
    return { ...block, input: isJsonObject(text) ? new RawJson(text) : { arguments: text } };
  }
}

/** What every message says of itself; vLLM's begin without. */
function missingFrom(message: Members): Members {
  const { type = "message", role = "assistant" } = message;
  return { type, role };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Members that say something. */
function known(usage: unknown): Members {
  return Object.fromEntries(Object.entries((usage as Members | undefined) ?? {}).filter(([, value]) => value !== null));
}

/** Arguments that are cut off or malformed are shown as they are, as text: an input is an object, whatever came. */
function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
