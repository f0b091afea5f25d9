import { isObject } from "@hearth/dialects";
import type { Block } from "../translation/block-sequencer.js";
import { callItem } from "./call-items.js";
import { CompactionItem } from "./compaction.js";
import { added, done, type ItemEvent, type OutputItem } from "./output-item.js";
import { packReasoning } from "./packed-reasoning.js";
import type { ToolSet } from "./tools.js";

/**
 * How thoughts are shown. Where OpenAI shows summaries, because many clients look nowhere else; and beside them as they
 * are, unless summaries were asked for by name.
 */
export interface ReasoningStyle {
  readonly summary: "only" | "too";
  /** The client wants to carry them to the next request. */
  readonly packed: boolean;
}

export interface ItemContext {
  readonly style: ReasoningStyle;
  /** What the calls are calls of. */
  readonly tools: Pick<ToolSet, "offers" | "originOf">;
  /** What it says is a short form of the conversation, for its client to carry. */
  readonly compacts?: boolean;
}

/** @param suffix makes ids that no other item of any response has */
export function outputItem(block: Block, suffix: string, { style, tools, compacts }: ItemContext): OutputItem {
  switch (block.kind) {
    case "text":
      return compacts ? new CompactionItem(`cmp_${suffix}`) : new TextItem(`msg_${suffix}`);
    case "refusal":
      return new RefusalItem(`msg_${suffix}`);
    case "reasoning":
      return new ReasoningItem(`rs_${suffix}`, style);
    case "tool":
      return callItem(block, suffix, tools.originOf(block.name));
  }
}

class TextItem implements OutputItem {
  readonly #id: string;
  #text = "";
  readonly #logprobs: unknown[] = [];
  readonly #annotations: object[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  open(): readonly ItemEvent[] {
    const item = { id: this.#id, type: "message", status: "in_progress", role: "assistant", content: [] };
    return [added(item), { type: "response.content_part.added", ...this.#at(), part: textPart("", [], []) }];
  }

  delta(delta: string, logprobs: readonly unknown[]): readonly ItemEvent[] {
    this.#text += delta;
    for (const logprob of logprobs) this.#logprobs.push(logprob);
    return [{ type: "response.output_text.delta", ...this.#at(), delta, logprobs }];
  }

  annotate(annotations: readonly unknown[]): readonly ItemEvent[] {
    return annotations.flatMap((each) => {
      const annotation = urlCitation(each);
      if (annotation === undefined) return [];
      const annotation_index = this.#annotations.push(annotation) - 1;
      return [{ type: "response.output_text.annotation.added", ...this.#at(), annotation_index, annotation }];
    });
  }

  close(status: string): readonly ItemEvent[] {
    const part = textPart(this.#text, this.#logprobs, this.#annotations);
    return [
      { type: "response.output_text.done", ...this.#at(), text: this.#text, logprobs: this.#logprobs },
      { type: "response.content_part.done", ...this.#at(), part },
      done({ id: this.#id, type: "message", status, role: "assistant", content: [part] }),
    ];
  }

  #at(): object {
    return { item_id: this.#id, content_index: 0 };
  }
}

function textPart(text: string, logprobs: readonly unknown[], annotations: readonly object[]): object {
  return { type: "output_text", text, annotations, logprobs };
}

/** A source as Responses has it; `undefined` for an annotation of another kind, for which only its server has a form. */
function urlCitation(annotation: unknown): object | undefined {
  const { type, url_citation: source } = isObject(annotation) ? annotation : {};
  if (type !== "url_citation" || !isObject(source) || typeof source["url"] !== "string") return undefined;
  const { url, title, start_index, end_index } = source;
  return {
    type,
    url,
    title: typeof title === "string" ? title : "",
    start_index: placeOf(start_index),
    end_index: placeOf(end_index),
  };
}

const placeOf = (index: unknown): number => (Number.isSafeInteger(index) ? (index as number) : 0);

class RefusalItem implements OutputItem {
  readonly #id: string;
  #refusal = "";

  constructor(id: string) {
    this.#id = id;
  }

  open(): readonly ItemEvent[] {
    const item = { id: this.#id, type: "message", status: "in_progress", role: "assistant", content: [] };
    const part = { type: "refusal", refusal: "" };
    return [added(item), { type: "response.content_part.added", ...this.#at(), part }];
  }

  delta(delta: string): readonly ItemEvent[] {
    this.#refusal += delta;
    return [{ type: "response.refusal.delta", ...this.#at(), delta }];
  }

  close(status: string): readonly ItemEvent[] {
    const part = { type: "refusal", refusal: this.#refusal };
    return [
      { type: "response.refusal.done", ...this.#at(), refusal: this.#refusal },
      { type: "response.content_part.done", ...this.#at(), part },
      done({ id: this.#id, type: "message", status, role: "assistant", content: [part] }),
    ];
  }

  #at(): object {
    return { item_id: this.#id, content_index: 0 };
  }
}

class ReasoningItem implements OutputItem {
  readonly #id: string;
  readonly #style: ReasoningStyle;
  #text = "";

  constructor(id: string, style: ReasoningStyle) {
    this.#id = id;
    this.#style = style;
  }

  open(): readonly ItemEvent[] {
    const item = { ...this.#item("in_progress"), summary: [], ...(this.#isOpen ? { content: [] } : {}) };
    return [
      added(item),
      ...this.#inContent({ type: "response.content_part.added", part: reasoningPart("") }),
      this.#inSummary({ type: "response.reasoning_summary_part.added", part: summaryPart("") }),
    ];
  }

  delta(delta: string): readonly ItemEvent[] {
    this.#text += delta;
    return [
      ...this.#inContent({ type: "response.reasoning_text.delta", delta }),
      this.#inSummary({ type: "response.reasoning_summary_text.delta", delta }),
    ];
  }

  close(status: string): readonly ItemEvent[] {
    const text = this.#text;
    const item = {
      ...this.#item(status),
      summary: [summaryPart(text)],
      ...(this.#isOpen ? { content: [reasoningPart(text)] } : {}),
    };
    return [
      ...this.#inContent({ type: "response.reasoning_text.done", text }),
      ...this.#inContent({ type: "response.content_part.done", part: reasoningPart(text) }),
      this.#inSummary({ type: "response.reasoning_summary_text.done", text }),
      this.#inSummary({ type: "response.reasoning_summary_part.done", part: summaryPart(text) }),
      done({ ...item, ...packed(this.#style, text) }),
    ];
  }

  get #isOpen(): boolean {
    return this.#style.summary === "too";
  }

  #item(status: string): object {
    return { id: this.#id, type: "reasoning", status };
  }

  #inContent(event: ItemEvent): readonly ItemEvent[] {
    return this.#isOpen ? [{ ...event, item_id: this.#id, content_index: 0 }] : [];
  }

  #inSummary(event: ItemEvent): ItemEvent {
    return { ...event, item_id: this.#id, summary_index: 0 };
  }
}

const reasoningPart = (text: string): object => ({ type: "reasoning_text", text });
const summaryPart = (text: string): object => ({ type: "summary_text", text });

function packed(style: ReasoningStyle, text: string): object {
  return style.packed ? { encrypted_content: packReasoning(text) } : {};
}
