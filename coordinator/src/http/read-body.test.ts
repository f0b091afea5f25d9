import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { readBody } from "./read-body.js";

function incoming(headers: Record<string, string> = {}): { stream: PassThrough; message: IncomingMessage } {
  const stream = new PassThrough();
  return { stream, message: Object.assign(stream, { headers }) as unknown as IncomingMessage };
}

describe("reading a body", () => {
  it("puts pieces of every size together in their order", async () => {
    const { stream, message } = incoming();
    const sizes = [1, 3, 5_000, 2, 4_095, 4_096, 1, 1, 9_000, 7];
    const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    const read = readBody(message, 1_000_000);
    for (const piece of pieces) stream.write(piece);
    stream.end();
    expect((await read).equals(Buffer.concat(pieces))).toBe(true);
  });

  it("keeps a body of single bytes in little more than its bytes", async () => {
    const { stream, message } = incoming();
    const read = readBody(message, 1_000_000);
    const whole = Buffer.alloc(64 * 1024, 7);
    // Each piece is a view of a large buffer, which it would keep as long as it is kept itself.
    for (let at = 0; at < 1_000; at += 1) stream.write(whole.subarray(at, at + 1));
    stream.end();
    const body = await read;
    expect(body.length).toBe(1_000);
    expect(body.buffer).not.toBe(whole.buffer);
    expect(body.buffer.byteLength).toBeLessThan(16 * 1024);
  });

  it.each(["gzip", "br", "deflate", "identity, gzip"])("does not take one that is encoded as %s", async (encoding) => {
    const { message } = incoming({ "content-encoding": encoding });
    await expect(readBody(message, 100)).rejects.toMatchObject({ code: "unsupported_encoding" });
  });

  it("takes one that says that it is not encoded", async () => {
    const { stream, message } = incoming({ "content-encoding": "Identity" });
    stream.end("x");
    expect((await readBody(message, 100)).toString()).toBe("x");
  });

  it("refuses what is larger than it may be, declared or not", async () => {
    await expect(readBody(incoming({ "content-length": "101" }).message, 100)).rejects.toMatchObject({
      code: "payload_too_large",
    });
    const { stream, message } = incoming({ "content-length": "1" });
    const read = readBody(message, 100);
    stream.write(Buffer.alloc(101));
    await expect(read).rejects.toMatchObject({ code: "payload_too_large" });
  });
});
