import fc from "fast-check";
import { expect, it } from "vitest";
import { GrowingBytes } from "./growing-bytes.js";

it("are what came, in its order, and begin anew when they are taken", () => {
  const bits = fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 3 }), (rounds) => {
      const bytes = new GrowingBytes();
      for (const round of rounds) {
        for (const bit of round) bytes.push(bit);
        expect(bytes.length).toBe(Buffer.concat(round).length);
        expect(bytes.take().equals(Buffer.concat(round))).toBe(true);
        expect(bytes.length).toBe(0);
      }
    }),
  );
});

it("that were taken stay as they are when others come", () => {
  const bytes = new GrowingBytes();
  bytes.push(Buffer.from("first"));
  const taken = bytes.take();
  bytes.push(Buffer.from("other"));
  expect(taken.toString()).toBe("first");
});

it("take little more memory than there is of them, one by one", () => {
  const bytes = new GrowingBytes();
  for (let n = 0; n < 2 ** 20; n += 1) bytes.push(Buffer.of(n & 255));
  const taken = bytes.take();
  expect(taken.length).toBe(2 ** 20);
  expect(taken.buffer.byteLength).toBeLessThanOrEqual(2 ** 21);
});
