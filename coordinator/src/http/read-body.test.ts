import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
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

  it.each(["zstd", "compress", "identity, gzip", "gzip, gzip"])(
    "does not take one that is encoded as %s",
    async (encoding) => {
      const { message } = incoming({ "content-encoding": encoding });
      await expect(readBody(message, 100)).rejects.toMatchObject({ code: "unsupported_encoding" });
    },
  );

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

const ENCODERS = { gzip: gzipSync, "X-GZIP": gzipSync, deflate: deflateSync, br: brotliCompressSync };
const encodings = Object.keys(ENCODERS) as (keyof typeof ENCODERS)[];

/** With a checksum of something else. */
const spoilt = (gzip: Buffer): Buffer => Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(4), gzip.subarray(-4)]);

describe("a body that is encoded", () => {
  const sent = (encoding: string, bytes: Buffer, maxBytes = 1_000_000, upload?: Parameters<typeof readBody>[2]) => {
    const { stream, message } = incoming({ "content-encoding": encoding });
    const read = readBody(message, maxBytes, upload);
    stream.end(bytes);
    return read;
  };

  it("is inflated, whatever it is and however it is cut", async () => {
    const cut = fc.array(fc.nat(200), { maxLength: 8 });
    const any = fc.tuple(fc.constantFrom(...encodings), fc.uint8Array({ maxLength: 20_000 }), cut);
    await fc.assert(
      fc.asyncProperty(any, async ([encoding, body, cuts]) => {
        const { stream, message } = incoming({ "content-encoding": encoding });
        const read = readBody(message, 1_000_000);
        let rest = ENCODERS[encoding](body);
        for (const at of cuts) {
          stream.write(rest.subarray(0, at));
          rest = rest.subarray(at);
        }
        stream.end(rest);
        expect((await read).equals(body)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it.each(encodings)("is refused in %s as soon as it comes to more than a body may", async (encoding) => {
    const bomb = ENCODERS[encoding](Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    let counted = 0;
    const arrived = (bytes: number): void => {
      counted += bytes;
    };
    const upload = { arrived, arrivedWhole() {}, whenSlow() {}, [Symbol.dispose]() {} };
    const read = sent(encoding, bomb, 1_000_000, upload);
    await expect(read).rejects.toMatchObject({ code: "payload_too_large" });
    expect(counted).toBeLessThanOrEqual(1_000_000);
  });

  it("may not be larger than a body before it is inflated either", async () => {
    // A gzip member of nothing, again and again.
    const nothing = Buffer.concat(Array.from({ length: 100 }, () => gzipSync("")));
    expect((await sent("gzip", nothing, nothing.length)).length).toBe(0);
    await expect(sent("gzip", nothing, nothing.length - 1)).rejects.toMatchObject({ code: "payload_too_large" });
  });

  it.each([
    ["is something else", Buffer.from("{}")],
    ["ends too early", gzipSync("hello").subarray(0, -9)],
    ["is not what its checksum says", spoilt(gzipSync("hello"))],
  ])("is refused when it %s", async (_what, bytes) => {
    await expect(sent("gzip", bytes)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("counts as the bytes that it comes to", async () => {
    const full = new HearthError("rate_limit_exceeded", "Full.");
    let left = 10_000;
    const arrived = (bytes: number): void => {
      left -= bytes;
      if (left < 0) throw full;
    };
    const upload = { arrived, arrivedWhole() {}, whenSlow() {}, [Symbol.dispose]() {} };
    await expect(sent("gzip", gzipSync(Buffer.alloc(20_000)), 1_000_000, upload)).rejects.toBe(full);
  });

  it("is cut off when its consumer goes", async () => {
    const { stream, message } = incoming({ "content-encoding": "gzip" });
    const read = readBody(message, 100);
    stream.write(gzipSync("hello").subarray(0, 5));
    stream.destroy();
    await expect(read).rejects.toMatchObject({ code: "cancelled" });
  });
});
