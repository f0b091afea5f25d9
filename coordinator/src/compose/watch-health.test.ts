import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_HEALTH, statusOf, type Trouble } from "../platform/health.js";
import type { Vitals } from "../platform/process-vitals.js";
import { type HealthWatch, watchHealth } from "./watch-health.js";

const MINUTE_MS = 60_000;

let clock: FakeClock;
let directory: { size: number };
let onDisk: Trouble[];
let now: Vitals;
let disposed: boolean;
let health: HealthWatch;
beforeEach(() => {
  clock = new FakeClock();
  directory = { size: 10 };
  onDisk = [];
  now = { lagMs: 3, worstLagMs: 40, heapShare: 0.2 };
  disposed = false;
  const vitals = {
    turn() {},
    read: () => now,
    [Symbol.dispose]() {
      disposed = true;
    },
  };
  const disk = { troubles: () => onDisk };
  health = watchHealth({ clock, directory, disk, settings: () => DEFAULT_HEALTH, vitals });
});

const told = (): [string, readonly Trouble[]] => [statusOf(health.troubles()), health.troubles()];

describe("a coordinator", () => {
  it("is healthy where nothing is wrong", () => {
    expect(told()).toEqual(["healthy", []]);
  });

  it.each<[string, Partial<Vitals>, string, Trouble]>([
    ["whose turns take long", { lagMs: 200 }, "degraded", "event_loop_slow"],
    ["that stood still", { worstLagMs: 2_000 }, "unhealthy", "event_loop_stalled"],
    ["whose heap is nearly full", { heapShare: 0.85 }, "degraded", "heap_high"],
    ["whose heap is full", { heapShare: 0.95 }, "unhealthy", "heap_exhausted"],
  ])("%s says so", (_what, vitals, status, trouble) => {
    now = { ...now, ...vitals };
    expect(told()).toEqual([status, [trouble]]);
  });

  it.each<[Trouble, string]>([
    ["log_not_written", "degraded"],
    ["store_not_written", "degraded"],
    ["store_away", "unhealthy"],
    ["store_damaged", "unhealthy"],
  ])("with %s is %s", (trouble, status) => {
    onDisk = [trouble];
    expect(told()).toEqual([status, [trouble]]);
  });

  it("misses machines that were there within the last hour, and no longer than that", async () => {
    await clock.advance(MINUTE_MS);
    directory.size = 5;
    expect(told()).toEqual(["healthy", []]);
    directory.size = 4;
    expect(told()).toEqual(["degraded", ["providers_missing"]]);
    await clock.advance(58 * MINUTE_MS);
    expect(told()).toEqual(["degraded", ["providers_missing"]]);
    await clock.advance(3 * MINUTE_MS);
    expect(told()).toEqual(["healthy", []]);
  });

  it("leaves nothing behind", () => {
    health[Symbol.dispose]();
    expect(disposed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
