import type { NamedEvent } from "@hearth/dialects";
import type { HearthError } from "../../platform/errors.js";
import { openAiErrorBody } from "../error-envelope.js";
import type { FailureWriter, Fold } from "../translation/event-reply.js";
import type { ResponseObject } from "./response-object.js";

/** Folds the events of Responses: the whole response is in the last one, and until then in what came so far. */
export class ResponseFold implements Fold, FailureWriter {
  #response: Readonly<Record<string, unknown>>;
  readonly #done = new Map<unknown, unknown>();
  #sequence = -1;

  /** @param response as it is before anything has been said */
  constructor(response: ResponseObject) {
    this.#response = response;
  }

  add(event: NamedEvent): void {
    const { sequence_number: sequence, response } = event;
    this.#sequence = typeof sequence === "number" ? sequence : this.#sequence + 1;
    if (typeof response === "object" && response !== null) this.#response = response as Record<string, unknown>;
    if (event.type === "response.output_item.done")
      this.#done.set(event["output_index"] ?? this.#done.size, event["item"]);
  }

  seen(event: NamedEvent): void {
    this.add(event);
  }

  body(): object {
    return this.#response;
  }

  /** `error` says what happened, `response.failed` ends the stream: some clients heed only the one or the other. */
  failure(error: HearthError): readonly NamedEvent[] {
    const { code, message, param } = openAiErrorBody(error, "input").error;
    const response = {
      ...this.#response,
      status: "failed",
      error: { code: failureCode(error), message },
      output: [...this.#done.values()],
    };
    return [
      { type: "error", code, message, param, sequence_number: this.#sequence + 1 },
      { type: "response.failed", response, sequence_number: this.#sequence + 2 },
    ];
  }
}

/** Of the codes that OpenAI allows here. */
function failureCode(error: HearthError): string {
  const isOfPrompt = error.code === "request_rejected" || error.code === "context_length_exceeded";
  return isOfPrompt ? "invalid_prompt" : "server_error";
}
