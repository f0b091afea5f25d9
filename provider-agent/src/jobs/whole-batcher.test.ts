import { LIMITS } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.js";
import { WholeBatcher } from "./whole-batcher.js";

function start(): { readonly clock: VirtualClock; readonly batcher: WholeBatcher; readonly out: string[] } {
  const clock = new VirtualClock();
  const out: string[] = [];
  return { clock, out, batcher: new WholeBatcher(clock, (events) => out.push(Buffer.from(events).toString())) };
}

describe("the batcher", () => {
  it("passes on what it holds when its time has come, counted from the first event", () => {
    const { clock, batcher, out } = start();
    batcher.add(Buffer.from("a"));
    clock.advance(LIMITS.wholeBatchMs - 1);
    batcher.add(Buffer.from("b"));
    expect(out).toEqual([]);
    clock.advance(1);
    expect(out).toEqual(["ab"]);
    clock.advance(10 * LIMITS.wholeBatchMs);
    expect(out).toEqual(["ab"]);
    expect(clock.pending).toBe(0);
  });

  it("passes on at once what has become much", () => {
    const { clock, batcher, out } = start();
    batcher.add(Buffer.from("a"));
    batcher.add(Buffer.alloc(LIMITS.wholeBatchBytes, "b"));
    expect(out).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("keeps order and bytes, and no batch outgrows a frame unless it is a single event", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 90_000 })));
    fc.assert(
      fc.property(sizes, fc.array(fc.nat({ max: 60 })), (lengths, waits) => {
        const { clock, batcher, out } = start();
        const events = lengths.map((length, i) => String.fromCharCode(97 + (i % 26)).repeat(length));
        for (const [i, event] of events.entries()) {
          batcher.add(Buffer.from(event));
          clock.advance(waits[i] ?? 0);
        }
        out.push(Buffer.from(batcher.take()).toString());
        expect(out.join("")).toBe(events.join(""));
        expect(out.every((batch) => batch.length <= LIMITS.responseChunkBytes || events.includes(batch))).toBe(true);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
