import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { JUMP_MS, TICK_MS, watchClockJumps } from "./clock-jump.js";

function watch() {
  const clock = new FakeClock();
  const jumps: number[] = [];
  const day = { offsetMs: 1_000_000 };
  const wallTime = (): number => clock.now() + day.offsetMs;
  const watching = watchClockJumps(clock, wallTime, { jumped: (missedMs) => void jumps.push(missedMs) });
  return { clock, day, jumps, watching };
}

describe("the watch on clocks", () => {
  it("has nothing to tell of time that passes as it should", () => {
    const { clock, jumps, watching } = watch();
    clock.advance(3_600_000);
    expect(jumps).toEqual([]);
    watching[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it("tells of a sleep through which the clock stood still, and of how much it missed", () => {
    const { clock, day, jumps } = watch();
    day.offsetMs += 3_600_000;
    clock.advance(TICK_MS);
    clock.advance(60_000);
    expect(jumps).toEqual([3_600_000]);
  });

  it("tells once of a sleep through which the clock ran on", () => {
    const { clock, jumps } = watch();
    clock.jump(3_600_000);
    clock.advance(60_000);
    expect(jumps).toEqual([0]);
  });

  it("overlooks small corrections, and a clock that is set back", () => {
    const { clock, day, jumps } = watch();
    for (const ms of [JUMP_MS, -3_600_000]) {
      day.offsetMs += ms;
      clock.advance(60_000);
    }
    expect(jumps).toEqual([]);
  });
});
