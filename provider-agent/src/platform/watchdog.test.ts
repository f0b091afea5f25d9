import { repeat } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { Watchdog } from "./watchdog.js";

function start(): { readonly clock: FakeClock; readonly dog: Watchdog; readonly barks: number[] } {
  const clock = new FakeClock();
  const barks: number[] = [];
  return { clock, barks, dog: new Watchdog(clock, 100, () => barks.push(clock.now())) };
}

describe("the watchdog", () => {
  it("barks once when it has waited for its time", () => {
    const { clock, barks } = start();
    clock.advance(1_000);
    expect(barks).toEqual([100]);
    expect(clock.pending).toBe(0);
  });

  it("waits anew when it is fed, to the millisecond", () => {
    const { clock, dog, barks } = start();
    clock.advance(99);
    dog.feed();
    clock.advance(50);
    dog.feed();
    clock.advance(99);
    expect(barks).toEqual([]);
    clock.advance(1);
    expect(barks).toEqual([249]);
  });

  it("is quiet while it is paused", () => {
    const { clock, dog, barks } = start();
    dog.pause();
    clock.advance(1_050);
    dog.feed();
    clock.advance(99);
    expect(barks).toEqual([]);
    clock.advance(1);
    expect(barks).toEqual([1_150]);
  });

  it("goes on where it was paused when it resumes", () => {
    const { clock, dog, barks } = start();
    clock.advance(60);
    dog.pause();
    clock.advance(1_000);
    dog.resume();
    dog.resume();
    clock.advance(39);
    expect(barks).toEqual([]);
    clock.advance(1);
    expect(barks).toEqual([1_100]);
  });

  it("is gone with its timer when it is disposed of", () => {
    const { clock, dog, barks } = start();
    dog[Symbol.dispose]();
    clock.advance(1_000);
    expect(barks).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("repeating", () => {
  it("goes on at its interval until it is disposed of, also from within", () => {
    const clock = new FakeClock();
    const at: number[] = [];
    const repeated = repeat(clock, 10, () => {
      at.push(clock.now());
      if (at.length === 3) repeated[Symbol.dispose]();
    });
    clock.advance(100);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(0);
  });
});
