import type { Exchange } from "../http/exchange.js";
import type { GenerationEvent } from "../model/generate.js";
import { cancelled } from "./api-error.js";
import { type AnswerIdentity, type ChoiceEnd, choiceEnd, type WireUsage, wireUsage } from "./chat-response.js";
import { parseRequest } from "./common-request.js";
import { completionRequestSchema } from "./completion-request.js";
import type { EngineService } from "./engine-service.js";

type TextEnd = ChoiceEnd<"stop" | "length" | null>;

/** A whole completion, or one chunk of a streamed one: OpenAI gives both the same shape. */
interface TextCompletion extends AnswerIdentity {
  readonly object: "text_completion";
  readonly choices: readonly ({
    readonly text: string;
    readonly index: 0;
    readonly logprobs: null;
  } & TextEnd)[];
  readonly usage?: WireUsage | null;
}

/** POST /v1/completions */
export async function completions(service: EngineService, exchange: Exchange): Promise<void> {
  const request = parseRequest(completionRequestSchema, await exchange.readJson());
  const task = service.tasks.completion(request);
  using lease = await service.admit(task, exchange.signal);
  const identity = service.identity("cmpl-");
  const events = service.generator.run(task, lease.slot, exchange.signal);
  if (request.stream === true) {
    await streamAnswer(exchange, events, { identity, withUsage: request.stream_options?.include_usage === true });
  } else {
    await exchange.sendJson(200, await wholeAnswer(events, identity));
  }
}

async function streamAnswer(
  exchange: Exchange,
  events: AsyncIterable<GenerationEvent>,
  options: { readonly identity: AnswerIdentity; readonly withUsage: boolean },
): Promise<void> {
  const { identity, withUsage } = options;
  const stream = exchange.startEvents();
  for await (const event of events) {
    switch (event.type) {
      case "text":
        await stream.send({ ...completion(identity, event.text), ...(withUsage && { usage: null }) });
        break;
      case "end":
        await stream.send({
          ...completion(identity, "", choiceEnd(event.finish, event.stop)),
          ...(withUsage && { usage: null }),
        });
        if (withUsage) {
          await stream.send({ ...completion(identity, ""), choices: [], usage: wireUsage(event.usage) });
        }
        break;
      case "cancelled":
        cancelled();
    }
  }
  await stream.done();
}

async function wholeAnswer(events: AsyncIterable<GenerationEvent>, identity: AnswerIdentity): Promise<TextCompletion> {
  let text = "";
  for await (const event of events) {
    switch (event.type) {
      case "text":
        text += event.text;
        break;
      case "end":
        return { ...completion(identity, text, choiceEnd(event.finish, event.stop)), usage: wireUsage(event.usage) };
      case "cancelled":
        return cancelled();
    }
  }
  return cancelled();
}

function completion(
  identity: AnswerIdentity,
  text: string,
  end: TextEnd = { finish_reason: null },
): Omit<TextCompletion, "usage"> {
  return {
    id: identity.id,
    object: "text_completion",
    created: identity.created,
    model: identity.model,
    choices: [{ text, index: 0, logprobs: null, ...end }],
  };
}
