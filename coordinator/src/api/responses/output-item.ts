import type { NamedEvent } from "@hearth/dialects";

/** An event without what its place in the stream adds to it. */
export type ItemEvent = NamedEvent;

/** One item of a response's output while it grows. */
export interface OutputItem {
  /** The events that add it. */
  open(): readonly ItemEvent[];
  /** @returns nothing where this much says nothing yet */
  delta(text: string, logprobs: readonly unknown[]): readonly ItemEvent[];
  /** Absent = there is no room for it. @param annotations of what it says, in chat completions' form */
  annotate?(annotations: readonly unknown[]): readonly ItemEvent[];
  /** The events that end it, the finished item in the last one. */
  close(status: "completed" | "incomplete"): readonly ItemEvent[];
}

export const added = (item: object): ItemEvent => ({ type: "response.output_item.added", item });
export const done = (item: object): ItemEvent => ({ type: "response.output_item.done", item });
