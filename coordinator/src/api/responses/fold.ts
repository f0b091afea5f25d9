import type { NamedEvent } from "@hearth/dialects";
import type { Fold } from "../translation/event-reply.js";
import type { ResponseObject } from "./response-object.js";

/** Folds the events of Responses: the whole response is in the last one, and until then in what came so far. */
export class ResponseFold implements Fold {
  #response: Readonly<Record<string, unknown>>;

  /** @param response as it is before anything has been said */
  constructor(response: ResponseObject) {
    this.#response = response;
  }

  add({ response }: NamedEvent): void {
    if (typeof response === "object" && response !== null) this.#response = response as Record<string, unknown>;
  }

  body(): object {
    return this.#response;
  }
}
