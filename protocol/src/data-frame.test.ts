import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DATA_HEADER_BYTES,
  DATA_KINDS,
  type DataFrame,
  type DataKind,
  decodeData,
  encodeData,
  FLAG_FINAL,
  writeDataHeader,
} from "./data-frame.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";

const u32 = (min: number): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min, max: MAX_U32 }), fc.constantFrom(0x7fff_ffff, 0x8000_0000, MAX_U32));
const frames: fc.Arbitrary<DataFrame> = fc.record({
  kind: fc.constantFrom(...(Object.keys(DATA_KINDS) as DataKind[])),
  stream: u32(1),
  seq: u32(0),
  final: fc.boolean(),
  ciphertext: fc.uint8Array({ maxLength: 300 }),
});

describe("data frame", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeData(encodeData(frame))).toEqual(frame);
      }),
    );
  });

  it("has the documented bytes", () => {
    const encoded = encodeData({
      kind: "response",
      stream: 0x01020304,
      seq: 0xfffefdfc,
      final: true,
      ciphertext: Uint8Array.of(0xaa, 0xbb),
    });
    expect([...encoded]).toEqual([2, 1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, FLAG_FINAL, 0xaa, 0xbb]);
    expect(encoded).toHaveLength(DATA_HEADER_BYTES + 2);
  });

  it("is the same whether built at once or with its header written in place", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const out = new Uint8Array(DATA_HEADER_BYTES + frame.ciphertext.length);
        out.set(frame.ciphertext, DATA_HEADER_BYTES);
        writeDataHeader(out, frame);
        expect(out).toEqual(encodeData(frame));
      }),
    );
  });

  it("is read from any place in a larger message, without a copy", () => {
    fc.assert(
      fc.property(frames, fc.nat(20), (frame, offset) => {
        const encoded = encodeData(frame);
        const whole = new Uint8Array(offset + encoded.length + 3).fill(0xee);
        whole.set(encoded, offset);
        const decoded = decodeData(whole.subarray(offset, offset + encoded.length));
        expect(decoded).toEqual(frame);
        expect(decoded?.ciphertext.buffer).toBe(whole.buffer);
      }),
    );
  });

  it("is none when it is cut short of its header", () => {
    fc.assert(
      fc.property(frames, fc.nat(DATA_HEADER_BYTES - 1), (frame, length) => {
        expect(decodeData(encodeData(frame).subarray(0, length))).toBeUndefined();
      }),
    );
  });

  it("is none over the frame limit", () => {
    const frame = { kind: "request", stream: 1, seq: 0, final: false } as const;
    const ciphertext = new Uint8Array(LIMITS.frameBytes - DATA_HEADER_BYTES);
    expect(decodeData(encodeData({ ...frame, ciphertext }))?.ciphertext).toHaveLength(ciphertext.length);
    const tooLong = new Uint8Array(ciphertext.length + 1);
    expect(decodeData(encodeData({ ...frame, ciphertext: tooLong }))).toBeUndefined();
  });

  it("is none with any kind or flag but the known ones, and for stream 0", () => {
    const encoded = encodeData({ kind: "request", stream: 1, seq: 0, final: false, ciphertext: new Uint8Array(4) });
    const withByte = (at: number, value: number): DataFrame | undefined => {
      const copy = Uint8Array.from(encoded);
      copy[at] = value;
      return decodeData(copy);
    };
    for (let value = 0; value < 256; value++) {
      expect(withByte(0, value) !== undefined).toBe(value === DATA_KINDS.request || value === DATA_KINDS.response);
      expect(withByte(9, value) !== undefined).toBe(value === 0 || value === FLAG_FINAL);
    }
    expect(withByte(4, 0)).toBeUndefined();
  });

  it("never throws on arbitrary bytes, and what it accepts is exactly those bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(1, 2), fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.constantFrom(0, 1))
        .map(([kind, middle, flags]) => Uint8Array.of(kind, ...middle, flags, 9)),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        const decoded = decodeData(message);
        if (decoded !== undefined) expect(encodeData(decoded)).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });
});
