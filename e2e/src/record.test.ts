import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_CHUNK_BYTES, type Padding, readRecord, recordBytes, writeRecord } from "./record.js";

function record(plaintext: Uint8Array, padding: Padding): Uint8Array {
  const out = new Uint8Array(recordBytes(plaintext.length, padding));
  writeRecord(out, 0, plaintext, padding);
  return out;
}

const plaintexts = fc.uint8Array({ maxLength: 3000 });
const paddings = fc.constantFrom<Padding>("buckets", "none");

describe("record", () => {
  it("comes back as the same plaintext, whatever its size and padding", () => {
    fc.assert(
      fc.property(plaintexts, paddings, (plaintext, padding) => {
        expect(readRecord(record(plaintext, padding))).toEqual(plaintext);
      }),
    );
  });

  it.each([
    [0, 64],
    [59, 64],
    [60, 128],
    [123, 128],
    [124, 256],
    [251, 256],
    [252, 512],
    [507, 512],
    [508, 1024],
    [1019, 1024],
    [1020, 1536],
    [16_384, 16_896],
  ])("of %i plaintext bytes is padded to %i bytes", (plaintextBytes, size) => {
    expect(recordBytes(plaintextBytes, "buckets")).toBe(size);
  });

  it("costs one byte without padding", () => {
    expect(recordBytes(0, "none")).toBe(1);
    expect(recordBytes(16_384, "none")).toBe(16_385);
  });

  it("has the documented bytes", () => {
    const hello = new TextEncoder().encode("hi");
    expect([...record(hello, "none")]).toEqual([1, 104, 105]);
    expect([...record(hello, "buckets")]).toEqual([2, 0, 0, 0, 2, 104, 105, ...new Array<number>(57).fill(0)]);
  });

  it("is refused when any byte of its fill is not zero", () => {
    fc.assert(
      fc.property(plaintexts, fc.nat(), fc.integer({ min: 1, max: 255 }), (plaintext, position, value) => {
        const padded = record(plaintext, "buckets");
        const fill = padded.length - 5 - plaintext.length;
        fc.pre(fill > 0);
        padded[padded.length - 1 - (position % fill)] = value;
        expect(readRecord(padded)).toBeUndefined();
      }),
    );
  });

  it("is refused when its length belongs in another bucket", () => {
    fc.assert(
      fc.property(plaintexts, fc.integer({ min: 0, max: 0xffff_ffff }), (plaintext, length) => {
        const padded = record(plaintext, "buckets");
        fc.pre(recordBytes(Math.min(length, MAX_CHUNK_BYTES), "buckets") !== padded.length);
        new DataView(padded.buffer).setUint32(1, length);
        expect(readRecord(padded)).toBeUndefined();
      }),
    );
  });

  it("is refused when it is cut short or extended", () => {
    const padded = record(new Uint8Array(40).fill(7), "buckets");
    for (let length = 0; length < padded.length; length++) expect(readRecord(padded.slice(0, length))).toBeUndefined();
    expect(readRecord(Uint8Array.of(...padded, 0))).toBeUndefined();
    expect(readRecord(Uint8Array.of(...padded, ...new Uint8Array(64)))).toBeUndefined();
  });

  it("is refused in every format but the two that exist", () => {
    for (let format = 0; format < 256; format++) {
      const padded = record(new Uint8Array(40), "buckets");
      padded[0] = format;
      expect(readRecord(padded) !== undefined).toBe(format === 1 || format === 2);
    }
    expect(readRecord(new Uint8Array(0))).toBeUndefined();
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const read = readRecord(bytes);
        expect(read === undefined || read.length < bytes.length).toBe(true);
      }),
    );
  });

  it("is refused over the largest chunk", () => {
    expect(recordBytes(MAX_CHUNK_BYTES, "buckets")).toBeGreaterThan(MAX_CHUNK_BYTES);
    expect(() => recordBytes(MAX_CHUNK_BYTES + 1, "none")).toThrow(expect.objectContaining({ code: "too_large" }));
  });
});
