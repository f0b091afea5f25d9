import type { NamedEvent } from "@hearth/dialects";
import type { HearthError } from "../../platform/errors.js";
import { openAiErrorBody } from "../error-envelope.js";
import type { FailureWriter } from "../translation/event-reply.js";
import type { ResponseObject } from "./response-object.js";

type Item = Readonly<Record<string, unknown>>;

/** An item that was begun and not finished. */
interface Begun {
  readonly item: Item;
  /** What its deltas said, by their type. */
  readonly said: Map<string, string[]>;
}

/**
 * Writes how a response fails: what the consumer has seen by then is in it, whole items and the one that broke off.
 * `error` says what happened, `response.failed` ends the stream: some clients heed only the one or the other.
 */
export class ResponseFailure implements FailureWriter {
  #response: Item;
  /** By their place in the output. */
  readonly #items = new Map<unknown, Item | Begun>();
  #sequence = -1;

  /** @param response as it is before anything has been said */
  constructor(response: ResponseObject) {
    this.#response = response;
  }

  seen(event: NamedEvent): void {
    const { type, sequence_number: sequence, response, item, output_index: index, delta } = event;
    this.#sequence = typeof sequence === "number" ? sequence : this.#sequence + 1;
    if (typeof response === "object" && response !== null) this.#response = response as Item;
    if (type === "response.output_item.done") this.#items.set(index ?? this.#items.size, (item ?? {}) as Item);
    else if (type === "response.output_item.added") {
      this.#items.set(index ?? this.#items.size, { item: (item ?? {}) as Item, said: new Map() });
    } else if (typeof delta === "string") this.#grow(index, type, delta);
  }

  failure(error: HearthError): readonly NamedEvent[] {
    const { code, message, param } = openAiErrorBody(error, "input").error;
    const response = {
      ...this.#response,
      status: "failed",
      error: { code: failureCode(error), message },
      output: [...this.#items.values()].flatMap((item) => (isBegun(item) ? brokenOff(item) : [item])),
    };
    return [
      { type: "error", code, message, param, sequence_number: this.#sequence + 1 },
      { type: "response.failed", response, sequence_number: this.#sequence + 2 },
    ];
  }

  #grow(index: unknown, type: string, delta: string): void {
    const begun = this.#items.get(index);
    if (begun === undefined || !isBegun(begun)) return;
    const pieces = begun.said.get(type);
    if (pieces === undefined) begun.said.set(type, [delta]);
    else pieces.push(delta);
  }
}

const isBegun = (item: Item | Begun): item is Begun => (item as Partial<Begun>).said instanceof Map;

/** The item as far as it had come; nothing where it had said nothing. */
function brokenOff({ item, said }: Begun): readonly Item[] {
  const text = (type: string): string | undefined => said.get(`response.${type}.delta`)?.join("");
  const members = grownMembers(text);
  return Object.keys(members).length === 0 ? [] : [{ ...item, ...members, status: "incomplete" }];
}

function grownMembers(text: (type: string) => string | undefined): Item {
  const [output, refusal, thought] = [text("output_text"), text("refusal"), text("reasoning_text")];
  const [summary, args, input] = [
    text("reasoning_summary_text"),
    text("function_call_arguments"),
    text("custom_tool_call_input"),
  ];
  const content = [
    ...(output === undefined ? [] : [{ type: "output_text", text: output, annotations: [], logprobs: [] }]),
    ...(refusal === undefined ? [] : [{ type: "refusal", refusal }]),
    ...(thought === undefined ? [] : [{ type: "reasoning_text", text: thought }]),
  ];
  return {
    ...(content.length === 0 ? {} : { content }),
    ...(summary === undefined ? {} : { summary: [{ type: "summary_text", text: summary }] }),
    ...(args === undefined ? {} : { arguments: args }),
    ...(input === undefined ? {} : { input }),
  };
}

/** Of the codes that OpenAI allows here. */
function failureCode(error: HearthError): string {
  const isOfPrompt = error.code === "request_rejected" || error.code === "context_length_exceeded";
  return isOfPrompt ? "invalid_prompt" : "server_error";
}
