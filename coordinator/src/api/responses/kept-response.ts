import type { ChatChunk, NamedEvent } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import type { Keeping } from "../../request/consumer.js";
import type { StoredItem, StoredResponse } from "../../stored-responses/stored-responses.js";
import type { Translator } from "../translation/event-reply.js";

/** What is kept of a request whose answer may be referred to. */
export interface KeptRequest {
  readonly keeping: Keeping;
  readonly input: readonly StoredItem[];
  readonly previousId: string | undefined;
}

/** Keeps the response that a translator ends with, before its consumer can refer to it. */
export class KeepingTranslator implements Translator {
  readonly #translator: Translator;
  readonly #kept: KeptRequest;

  constructor(translator: Translator, kept: KeptRequest) {
    this.#translator = translator;
    this.#kept = kept;
  }

  next(chunk: ChatChunk): readonly NamedEvent[] {
    return this.#translator.next(chunk);
  }

  end(usage: Usage): readonly NamedEvent[] {
    const events = this.#translator.end(usage);
    const response = events.at(-1)?.["response"] as StoredResponse["response"] | undefined;
    const { keeping, input, previousId } = this.#kept;
    if (response !== undefined) {
      // A store that is away costs the consumer its next reference, not this answer.
      void keeping.responses
        .keep({ response, input, ...(previousId === undefined ? {} : { previousId }) })
        .catch(() => {});
    }
    return events;
  }
}
