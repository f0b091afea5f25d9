import { describe, expect, it } from "vitest";
import { MAX_SEQ, NonceSequence } from "./nonce-sequence.js";

describe("nonce sequence", () => {
  it("XORs the number into the last four bytes of the base nonce", () => {
    const base = Uint8Array.from({ length: 12 }, (_, i) => 0xf0 + i);
    const take = (seq: number): number[] => [...new NonceSequence(base, seq).take()];
    expect(take(0)).toEqual([...base]);
    expect(take(0x01020304)).toEqual([...base.slice(0, 8), 0xf8 ^ 1, 0xf9 ^ 2, 0xfa ^ 3, 0xfb ^ 4]);
    expect(take(MAX_SEQ)).toEqual([...base.slice(0, 8), 0xf8 ^ 255, 0xf9 ^ 255, 0xfa ^ 255, 0xfb ^ 255]);
  });

  it("never gives a nonce twice", () => {
    const sequence = new NonceSequence(new Uint8Array(12).fill(0x5a));
    const seen = new Set(Array.from({ length: 2000 }, () => sequence.take().join()));
    expect(seen.size).toBe(2000);
    expect(sequence.seq).toBe(2000);
  });

  it("ends after the last u32 instead of starting over", () => {
    const sequence = new NonceSequence(new Uint8Array(12), MAX_SEQ);
    sequence.take();
    const exhausted = expect.objectContaining({ code: "sequence_exhausted" });
    expect(() => sequence.take()).toThrow(exhausted);
    expect(() => sequence.take()).toThrow(exhausted);
  });
});
