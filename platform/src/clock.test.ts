import { describe, expect, it } from "vitest";
import { deadline, repeat, sleep } from "./clock.js";
import { FakeClock } from "./testing/fake-clock.js";

describe("what is built on a clock", () => {
  it("repeats until it is disposed, also from within", () => {
    const clock = new FakeClock();
    let beats = 0;
    const beat = repeat(clock, 10, () => {
      beats += 1;
      if (beats === 3) beat[Symbol.dispose]();
    });
    clock.advance(100);
    expect(beats).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("sleeps for its time, or until its signal aborts, and leaves no timer", async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const slept = sleep(clock, 10, abort.signal);
    clock.advance(10);
    await slept;
    const woken = sleep(clock, 10, abort.signal);
    abort.abort();
    await woken;
    await sleep(clock, 10, abort.signal);
    expect(clock.pending).toBe(0);
  });

  it("aborts with its parent, with its reason, or when its time is over", () => {
    const clock = new FakeClock();
    const parent = new AbortController();
    const late = deadline(clock, 10, parent.signal);
    clock.advance(10);
    expect(late.signal.aborted).toBe(true);
    const early = deadline(clock, 10, parent.signal);
    parent.abort("gone");
    expect(early.signal.reason).toBe("gone");
    for (const each of [late, early]) each[Symbol.dispose]();
    expect(deadline(clock, 10, parent.signal).signal.reason).toBe("gone");
  });
});
