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
  type Holding,
  writeDataHeader,
} from "./data-frame.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";

const u32 = (min: number): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min, max: MAX_U32 }), fc.constantFrom(0x7fff_ffff, 0x8000_0000, MAX_U32));
const ofKind = (kind: DataKind, ...holds: readonly Holding[]): fc.Arbitrary<DataFrame> =>
  fc.record({
    kind: fc.constant(kind),
    stream: u32(1),
    seq: u32(0),
    final: fc.boolean(),
    holds: fc.constantFrom(...holds),
    ciphertext: fc.uint8Array({ maxLength: 300 }),
  });
const frames = fc.oneof(ofKind("request", "body"), ofKind("response", "preamble", "content", "trailer"));

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
      holds: "content",
      ciphertext: Uint8Array.of(0xaa, 0xbb),
    });
    expect([...encoded]).toEqual([2, 1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, FLAG_FINAL | 4, 0xaa, 0xbb]);
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
    const frame = { kind: "request", stream: 1, seq: 0, final: false, holds: "body" } as const;
    const ciphertext = new Uint8Array(LIMITS.frameBytes - DATA_HEADER_BYTES);
    expect(decodeData(encodeData({ ...frame, ciphertext }))?.ciphertext).toHaveLength(ciphertext.length);
    const tooLong = new Uint8Array(ciphertext.length + 1);
    expect(decodeData(encodeData({ ...frame, ciphertext: tooLong }))).toBeUndefined();
  });

  it("is none with any kind or flags but those that its kind has, and for stream 0", () => {
    const accepted = (kind: number, flags: number, stream = 1): boolean =>
      decodeData(Uint8Array.of(kind, 0, 0, 0, stream, 0, 0, 0, 0, flags, 7)) !== undefined;
    for (let value = 0; value < 256; value++) {
      expect(accepted(value, 0)).toBe(value === DATA_KINDS.request);
      expect(accepted(value, 4)).toBe(value === DATA_KINDS.response);
      expect(accepted(DATA_KINDS.request, value)).toBe(value === 0 || value === FLAG_FINAL);
      expect(accepted(DATA_KINDS.response, value)).toBe([2, 3, 4, 5, 8, 9].includes(value));
    }
    expect(accepted(DATA_KINDS.request, 0, 0)).toBe(false);
  });

  it("never throws on arbitrary bytes, and what it accepts is exactly those bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(1, 2), fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.constantFrom(0, 1, 2, 5, 9))
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
