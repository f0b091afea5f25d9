import type { Chunk } from "../../dispatch/types.js";
import type { Clock } from "../../platform/clock.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, Reply } from "../../request/consumer.js";
import { errorResponse } from "../error-envelope.js";
import { ChatAccumulator } from "./accumulate.js";
import type { ChatRequest } from "./normalise.js";
import type { ChatChunk } from "./read-event.js";

/** The reply in the form the request asked for. */
export function chatReply(request: ChatRequest, consumer: Consumer, clock: Clock): Reply {
  return request.stream ? streamReply(request, consumer) : wholeReply(request, consumer, clock);
}

/** The provider's events, byte for byte, but for a usage chunk that nobody asked for. */
function streamReply(request: ChatRequest, consumer: Consumer): Reply {
  return {
    open: () => consumer.openStream(),
    write(chunk) {
      if (!request.includeUsage && isUsageOnly(chunk.parsed as ChatChunk)) return undefined;
      return consumer.write(chunk.bytes);
    },
    complete() {
      void consumer.write("data: [DONE]\n\n");
      consumer.endStream();
    },
    fail(error) {
      void consumer.write(`data: ${JSON.stringify(errorResponse(error).body)}\n\n`);
      consumer.breakStream();
    },
  };
}

function isUsageOnly(chunk: ChatChunk): boolean {
  return chunk.choices?.length === 0 && chunk.usage !== undefined;
}

function wholeReply(request: ChatRequest, consumer: Consumer, clock: Clock): Reply {
  const accumulator = new ChatAccumulator();
  return {
    open() {},
    write(chunk: Chunk) {
      accumulator.add(chunk.parsed as ChatChunk);
      return undefined;
    },
    complete() {
      const created = Math.floor(clock.wallTime() / 1000);
      consumer.sendJson(accumulator.completion({ id: `chatcmpl-${request.id}`, model: request.model, created }));
    },
    fail: (error: HearthError) => consumer.sendError(error),
  };
}
