import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.js";
import { ACCEPTED_AFTER_MS, FirstByteWatch, LOAD_WINDOW_MS } from "./first-byte.js";

function watch() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const wait = new FirstByteWatch(
    clock,
    () => told.push("loading"),
    () => told.push("stalled"),
  );
  return { clock, told, wait };
}

describe("the wait for the first byte", () => {
  it("tells of loading soon, and gives up only after the load window", () => {
    const { clock, told } = watch();
    clock.advance(ACCEPTED_AFTER_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["loading"]);
    clock.advance(LOAD_WINDOW_MS - ACCEPTED_AFTER_MS - 1);
    expect(told).toEqual(["loading"]);
    clock.advance(1);
    expect(told).toEqual(["loading", "stalled"]);
    expect(clock.pending).toBe(0);
  });

  it("ends without a word when the byte is here", () => {
    const { clock, told, wait } = watch();
    wait[Symbol.dispose]();
    clock.advance(LOAD_WINDOW_MS);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
