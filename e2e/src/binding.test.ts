import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Binding, ChunkAad, type Direction } from "./binding.js";

const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

describe("associated data", () => {
  it("has the documented bytes", () => {
    const binding = { requestId: "ab", attemptId: "c" };
    expect(hex(new ChunkAad(binding, "request").for(0, false, 0))).toBe("00026162000163010000000000");
    expect(hex(new ChunkAad(binding, "response").for(0x01020304, true, 0))).toBe("00026162000163020102030401");
  });

  it("differs whenever anything it binds differs", () => {
    const id = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom("a", "b", "\u0000", "\u0001", "é") });
    const fields = {
      requestId: id,
      attemptId: id,
      direction: fc.constantFrom<Direction>("request", "response"),
      seq: fc.oneof(fc.nat(3), fc.constant(0xffff_ffff)),
      final: fc.boolean(),
      mark: fc.constantFrom(0, 1, 2, 64, 127),
    };
    interface Bound extends Binding {
      readonly direction: Direction;
      readonly seq: number;
      readonly final: boolean;
      readonly mark: number;
    }
    const encode = (bound: Bound): string =>
      hex(new ChunkAad(bound, bound.direction).for(bound.seq, bound.final, bound.mark));
    fc.assert(
      fc.property(fc.record(fields), fc.record(fields, { requiredKeys: [] }), (one, changes) => {
        const other = { ...one, ...changes };
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(encode(one) === encode(other)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  it("cannot be made the same by moving characters between the ids", () => {
    const left = new ChunkAad({ requestId: "ab", attemptId: "c" }, "request").for(0, false, 0);
    const right = new ChunkAad({ requestId: "a", attemptId: "bc" }, "request").for(0, false, 0);
    expect(hex(left)).not.toBe(hex(right));
  });

  it.each([
    ["empty", ""],
    ["over 65,535 bytes", "x".repeat(65_536)],
    ["over 65,535 bytes in UTF-8", "é".repeat(40_000)],
    ["a lone surrogate, which UTF-8 cannot tell from another", "a\ud800b"],
  ])("refuses an id that is %s", (_, id) => {
    const refusal = expect.objectContaining({ code: "invalid_binding" });
    expect(() => new ChunkAad({ requestId: id, attemptId: "a" }, "request")).toThrow(refusal);
    expect(() => new ChunkAad({ requestId: "r", attemptId: id }, "request")).toThrow(refusal);
  });

  it("accepts the longest id and characters outside the basic plane", () => {
    const aad = new ChunkAad({ requestId: "x".repeat(65_535), attemptId: "😀" }, "request").for(0, false, 0);
    expect(aad).toHaveLength(2 + 65_535 + 2 + 4 + 6);
  });
});
