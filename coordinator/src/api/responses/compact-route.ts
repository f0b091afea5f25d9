import { type ChatChunk, memberSplices, type NamedEvent, splice } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import type { Chunk } from "../../dispatch/types.js";
import { HearthError } from "../../platform/errors.js";
import { inTurns } from "../../platform/steps.js";
import type { Consumer, Dialect, DialectContext, Reply } from "../../request/consumer.js";
import { type JsonBody, jsonBodySteps } from "../json-body.js";
import { COST_IN_USAGE } from "../told-cost.js";
import type { EventDialect, Fold, Translator } from "../translation/event-reply.js";
import { createResponsesDialect, responsesEvents } from "./dialect.js";
import { itemsOf } from "./recall.js";
import type { ResponsesRequest } from "./to-internal.js";

/**
 * `POST /v1/responses/compact` for one request: a request for a response that ends with the wish for a short form of
 * what stands before it, and is kept nowhere.
 */
export function createCompactionDialect(context: DialectContext): Dialect<ResponsesRequest> {
  const { errorBody, normalise } = createResponsesDialect(context);
  return {
    errorBody,
    async normalise(raw) {
      return await normalise(asTriggered(await inTurns(jsonBodySteps(raw, context.bounds, "left_out"), raw.length)));
    },
    reply: (request, consumer) => new CompactionReply(responsesEvents(request, context.clock), consumer),
    cost: COST_IN_USAGE,
  };
}

/** What has nothing that could be told in short stays as it is, for the schema to refuse. */
function asTriggered({ object, raw, value }: JsonBody): Buffer {
  const items = itemsOf(value["input"]);
  if (items.length === 0 && typeof value["previous_response_id"] !== "string") return raw;
  const asks = items.at(-1)?.["type"] === "compaction_trigger";
  const edits = new Map([
    ["input", JSON.stringify(asks ? items : [...items, { type: "compaction_trigger" }])],
    ["stream", undefined],
    ["store", "false"],
  ]);
  return Buffer.from(splice(object.text, memberSplices(object, edits)));
}

/** An answer that is told whole. It comes from a backend that chats: no other is asked for notes. */
class CompactionReply implements Reply {
  readonly #translator: Translator;
  readonly #fold: Fold;
  readonly #consumer: Consumer;

  constructor(events: EventDialect, consumer: Consumer) {
    this.#translator = events.translator();
    this.#fold = events.fold();
    this.#consumer = consumer;
  }

  open(): void {}

  write({ parsed }: Chunk): undefined {
    this.#add(this.#translator.next(parsed as ChatChunk));
  }

  complete(usage: Usage): void {
    this.#add(this.#translator.end(usage));
    const { id, created_at, output, usage: counts } = this.#fold.body() as Readonly<Record<string, unknown>>;
    // Thoughts on the way to the notes are none of what is gone on with.
    const notes = (output as readonly { readonly type: string }[]).filter(({ type }) => type === "compaction");
    // A client would go on from nothing.
    if (notes.length === 0) return this.fail(new HearthError("provider_error", "The model has written no notes."));
    this.#consumer.sendJson({ id, object: "response.compaction", created_at, output: notes, usage: counts });
  }

  fail(error: HearthError): void {
    this.#consumer.sendError(error);
  }

  #add(events: readonly NamedEvent[]): void {
    for (const event of events) this.#fold.add(event);
  }
}
