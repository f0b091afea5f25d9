import { partialSuffixLength } from "./stop-matcher.js";
import { ToolCallBody } from "./tool-call-body.js";

export const TOOL_CALL_OPEN = "<tool_call>";
export const TOOL_CALL_CLOSE = "</tool_call>";

/** `index` counts the calls of one answer from 0. A call's name comes first, then its arguments in pieces of one JSON text. */
export type AnswerPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly index: number; readonly name: string }
  | { readonly type: "call_arguments"; readonly index: number; readonly text: string }
  | { readonly type: "call_end"; readonly index: number };

/**
 * `afterCall`: nothing but white space has come since a call. `raw` is all of a call so far: if it turns out to be none,
 * it is shown as the text it was.
 */
type State =
  | { readonly type: "text"; readonly afterCall: boolean }
  | { readonly type: "call"; readonly body: ToolCallBody; raw: string }
  | { readonly type: "after_body" };

const TEXT: State = { type: "text", afterCall: false };

/**
 * Splits an answer into text and tool calls of the form `<tool_call>{"name": …, "arguments": …}</tool_call>`, while it
 * is being generated. White space around calls is dropped. What looks like a call and is none stays text.
 */
export class ToolCallParser {
  #state: State = TEXT;
  #held = "";
  #calls = 0;

  /** How many calls have been announced. */
  get calls(): number {
    return this.#calls;
  }

  push(piece: string): AnswerPart[] {
    const parts: AnswerPart[] = [];
    let rest: string | undefined = this.#held + piece;
    this.#held = "";
    while (rest !== undefined) rest = this.#advance(rest, parts);
    return parts;
  }

  /** What is still held, once nothing can follow. A call that lacks only its closing mark is a call. */
  end(): AnswerPart[] {
    const held = this.#held;
    const state = this.#state;
    this.#held = "";
    this.#state = TEXT;
    switch (state.type) {
      case "text":
        return textPart(state.afterCall ? held.trimStart() : held);
      case "call":
        return state.body.announced ? [] : textPart(state.raw);
      case "after_body":
        return [];
    }
  }

  /** Handles `text` up to the next change of state; returns what comes after it, or nothing if all of it is used up. */
  #advance(text: string, parts: AnswerPart[]): string | undefined {
    const state = this.#state;
    switch (state.type) {
      case "text":
        return this.#inText(state.afterCall ? text.trimStart() : text, parts);
      case "call":
        return this.#inCall(state, text, parts);
      case "after_body":
        return this.#afterBody(text);
    }
  }

  #inText(text: string, parts: AnswerPart[]): string | undefined {
    const at = text.indexOf(TOOL_CALL_OPEN);
    if (at < 0) {
      const visible = this.#visible(text);
      this.#held = text.slice(visible.length);
      if (visible !== "") this.#state = TEXT;
      parts.push(...textPart(visible));
      return undefined;
    }
    parts.push(...textPart(text.slice(0, at).trimEnd()));
    this.#state = { type: "call", body: new ToolCallBody(), raw: TOOL_CALL_OPEN };
    return text.slice(at + TOOL_CALL_OPEN.length);
  }

  /** The part of `text` that can be neither a beginning of a call nor the white space before one. */
  #visible(text: string): string {
    const certain = text.slice(0, text.length - partialSuffixLength(text, TOOL_CALL_OPEN));
    return certain.trimEnd();
  }

  #inCall(state: State & { type: "call" }, text: string, parts: AnswerPart[]): string | undefined {
    const { body } = state;
    const result = body.push(text);
    state.raw += text.slice(0, result.read);
    for (const part of result.parts) {
      if (part.type === "name") parts.push({ type: "call", index: this.#calls++, name: part.name });
      else parts.push({ type: "call_arguments", index: this.#calls - 1, text: part.text });
    }
    if (!body.closed && !body.broken) return undefined;
    if (body.announced) {
      parts.push({ type: "call_end", index: this.#calls - 1 });
      this.#state = { type: "after_body" };
    } else {
      parts.push(...textPart(state.raw));
      this.#state = TEXT;
    }
    return text.slice(result.read);
  }

  /** Skips to the closing mark, or to the next call where a model forgot to close this one. */
  #afterBody(text: string): string | undefined {
    const close = text.indexOf(TOOL_CALL_CLOSE);
    const open = text.indexOf(TOOL_CALL_OPEN);
    if (close < 0 && open < 0) {
      const keep = Math.max(partialSuffixLength(text, TOOL_CALL_CLOSE), partialSuffixLength(text, TOOL_CALL_OPEN));
      this.#held = text.slice(text.length - keep);
      return undefined;
    }
    this.#state = { type: "text", afterCall: true };
    return open >= 0 && (close < 0 || open < close) ? text.slice(open) : text.slice(close + TOOL_CALL_CLOSE.length);
  }
}

function textPart(text: string): AnswerPart[] {
  return text === "" ? [] : [{ type: "text", text }];
}
