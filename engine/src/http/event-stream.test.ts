import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { EventStream } from "./event-stream.js";

/** A client that takes one write at a time, when it is told to. */
class SlowClient extends Writable {
  readonly writes: string[] = [];
  #taken: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _encoding: BufferEncoding, taken: () => void): void {
    this.writes.push(chunk);
    this.#taken = taken;
  }

  take(): void {
    this.#taken?.();
  }
}

const never = new AbortController().signal;

describe("EventStream", () => {
  it("writes each event at once, and the end", async () => {
    const client = new SlowClient();
    const stream = new EventStream(client, never);
    const sent = stream.send({ a: "line\nbreak" });
    client.take();
    await sent;
    const done = stream.done();
    client.take();
    await done;
    expect(client.writes).toEqual(['data: {"a":"line\\nbreak"}\n\n', "data: [DONE]\n\n"]);
    expect(client.writableEnded).toBe(true);
  });

  it("waits for a client that has not taken the last event", async () => {
    const client = new SlowClient();
    let sent = false;
    const sending = new EventStream(client, never).send(1).then(() => {
      sent = true;
    });
    await new Promise(setImmediate);
    expect(sent).toBe(false);
    client.take();
    await sending;
    expect(sent).toBe(true);
  });

  it("stops waiting for a client that leaves, and writes nothing more", async () => {
    const client = new SlowClient();
    const abort = new AbortController();
    const stream = new EventStream(client, abort.signal);
    const sending = stream.send(1);
    abort.abort();
    await sending;
    await stream.send(2);
    expect(client.writes).toEqual(["data: 1\n\n"]);
  });
});
