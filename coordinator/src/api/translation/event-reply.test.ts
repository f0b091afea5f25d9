import type { ChatChunk, NamedEvent } from "@hearth/dialects";
import { describe, expect, it } from "vitest";
import { HearthError } from "../../platform/errors.js";
import type { Consumer } from "../../request/consumer.js";
import { type EventDialect, eventReply } from "./event-reply.js";

/** Each chunk becomes two events, and the end one. */
const dialect: EventDialect = {
  dialect: "messages",
  translator: () => ({
    next: ({ id }: ChatChunk) => [
      { type: "a", id },
      { type: "b", id },
    ],
    end: () => [{ type: "end" }],
  }),
  fold: () => {
    const types: string[] = [];
    return { add: (event: NamedEvent) => types.push(event.type), body: () => ({ types }) };
  },
  failureWriter: () => {
    const types: string[] = [];
    return {
      seen: (event) => types.push(event.type),
      failure: (error) => [{ type: "error", code: error.code, after: types.join() }],
    };
  },
  tellsEnd: ({ type }) => type === "end",
};

class RecordingConsumer implements Consumer {
  readonly writes: string[] = [];
  readonly json: unknown[] = [];
  readonly errors: HearthError[] = [];
  isOpen = false;
  isEnded = false;
  /** Set to make the consumer slow: each write waits until it is called. */
  release: (() => void) | undefined;
  isSlow = false;

  setHeaders(): void {}
  sendJson(body: object): void {
    this.json.push(body);
  }
  sendError(error: HearthError): void {
    this.errors.push(error);
  }
  openStream(): void {
    this.isOpen = true;
  }
  write(bytes: Uint8Array | string): Promise<void> | undefined {
    this.writes.push(Buffer.from(bytes).toString());
    if (!this.isSlow) return undefined;
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }
  finishStream(...last: readonly (Uint8Array | string)[]): void {
    this.writes.push(...last.map((each) => Buffer.from(each).toString()));
  }
  endStream(...last: readonly (Uint8Array | string)[]): void {
    this.writes.push(...last.map((each) => Buffer.from(each).toString()));
    this.isEnded = true;
  }
}

const chatChunk = (id: string) => ({ dialect: "chat_completions" as const, bytes: Buffer.from("x"), parsed: { id } });
const nativeChunk = (type: string) => ({
  dialect: "messages" as const,
  bytes: Buffer.from(`raw ${type}\n\n`),
  parsed: { type },
});
const USAGE = { prompt_tokens: 1, completion_tokens: 1 };

describe("a stream", () => {
  it("writes one event at a time, the next when the consumer has room for it", async () => {
    const consumer = new RecordingConsumer();
    const reply = eventReply(dialect, true, consumer);
    reply.open();
    consumer.isSlow = true;
    const written = reply.write(chatChunk("1"));
    expect(consumer.writes).toEqual(['event: a\ndata: {"type":"a","id":"1"}\n\n']);
    consumer.release?.();
    await Promise.resolve();
    expect(consumer.writes).toHaveLength(2);
    consumer.release?.();
    await written;
    reply.complete(USAGE);
    expect(consumer.writes.at(-1)).toBe('event: end\ndata: {"type":"end"}\n\n');
    expect(consumer.isEnded).toBe(true);
  });

  it("passes native events on as they are, and holds the end back until it is certain", () => {
    const consumer = new RecordingConsumer();
    const reply = eventReply(dialect, true, consumer);
    reply.open();
    for (const type of ["start", "end", "late"]) reply.write(nativeChunk(type));
    expect(consumer.writes).toEqual(["raw start\n\n"]);
    reply.complete(USAGE);
    expect(consumer.writes).toEqual(["raw start\n\n", "raw end\n\n", "raw late\n\n"]);
  });

  it("fails behind the events that were seen, native or not", () => {
    for (const [chunk, after] of [
      [chatChunk("1"), "a,b"],
      [nativeChunk("start"), "start"],
    ] as const) {
      const consumer = new RecordingConsumer();
      const reply = eventReply(dialect, true, consumer);
      reply.open();
      reply.write(chunk);
      reply.fail(new HearthError("provider_error", "x"));
      const failure = { type: "error", code: "provider_error", after };
      expect(consumer.writes.at(-1)).toBe(`event: error\ndata: ${JSON.stringify(failure)}\n\n`);
      expect(consumer.isEnded).toBe(true);
    }
  });
});

describe("a whole answer", () => {
  it("is the fold of the same events, and opens no stream", () => {
    const consumer = new RecordingConsumer();
    const reply = eventReply(dialect, false, consumer);
    reply.open();
    reply.write(chatChunk("1"));
    reply.complete(USAGE);
    expect(consumer.json).toEqual([{ types: ["a", "b", "end"] }]);
    expect(consumer).toMatchObject({ isOpen: false, writes: [] });
  });

  it("is folded from native events where the backend sends them", () => {
    const consumer = new RecordingConsumer();
    const reply = eventReply(dialect, false, consumer);
    reply.open();
    for (const type of ["start", "end"]) reply.write(nativeChunk(type));
    reply.complete(USAGE);
    expect(consumer.json).toEqual([{ types: ["start", "end"] }]);
  });

  it("that fails is an error and nothing else", () => {
    const consumer = new RecordingConsumer();
    const reply = eventReply(dialect, false, consumer);
    reply.open();
    reply.write(chatChunk("1"));
    reply.fail(new HearthError("provider_error", "x"));
    expect(consumer.errors).toHaveLength(1);
    expect(consumer.json).toEqual([]);
  });
});
