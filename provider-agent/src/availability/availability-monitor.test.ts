import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Availability, AvailabilityRules } from "./availability.js";
import { AvailabilityMonitor } from "./availability-monitor.js";
import type { OwnerPause, PauseStore } from "./pause-file.js";

const RULES: AvailabilityRules = {
  windows: [],
  pauseWhenActiveMinutes: 0,
  pauseOnBattery: false,
  memoryPercent: undefined,
  sharing: "everyone",
};
const MINUTE = 60_000;
/** Wednesday, noon in UTC. */
const NOON = Date.UTC(2026, 0, 7, 12);
const SERVING: Availability = { type: "serving" };

class MemoryStore implements PauseStore {
  pause: OwnerPause | undefined;
  isFull = false;
  isReadOnly = false;
  load(): OwnerPause | undefined {
    return this.pause;
  }
  save(pause: OwnerPause | undefined): void {
    if (this.isReadOnly) throw Object.assign(new Error("read-only"), { code: "EROFS" });
    if (this.isFull && pause !== undefined) throw Object.assign(new Error("full"), { code: "ENOSPC" });
    this.pause = pause;
  }
}

function start(rules: Partial<AvailabilityRules> = {}) {
  const clock = new FakeClock();
  const store = new MemoryStore();
  const world = {
    offset: NOON,
    idleMs: undefined as number | undefined,
    onBattery: undefined as boolean | undefined,
    memoryUsed: undefined as number | undefined,
    idleReads: 0,
    batteryReads: 0,
    hang: undefined as Promise<void> | undefined,
    isBroken: false,
  };
  const open = () =>
    new AvailabilityMonitor({
      clock,
      wallTime: () => world.offset + clock.now(),
      rules: { ...RULES, ...rules },
      store,
      readIdleTime: async () => {
        world.idleReads += 1;
        await world.hang;
        if (world.isBroken) throw new Error("broken");
        return world.idleMs;
      },
      readOnBattery: async () => {
        world.batteryReads += 1;
        return world.onBattery;
      },
      memoryUsed: () => world.memoryUsed,
    });
  return { clock, store, world, availability: open(), open };
}

/** Lets a probe that needs no waiting come to its end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const zone = process.env["TZ"];
beforeEach(() => {
  process.env["TZ"] = "UTC";
});
afterEach(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

describe("availability", () => {
  it("pauses also on a full disk, until the owner resumes or the time is over", () => {
    const { availability, store, world } = start();
    store.isFull = true;
    availability.pause();
    expect(availability.current).toMatchObject({ type: "paused", reason: "owner" });
    availability.resume();
    expect(availability.current).toEqual(SERVING);
    availability.pause(NOON + MINUTE);
    expect(availability.current).toMatchObject({ type: "paused", untilWallMs: NOON + MINUTE });
    world.offset = NOON + MINUTE;
    store.isFull = false;
    availability.pause(NOON + 2 * MINUTE);
    expect(store.pause).toEqual({ untilWallMs: NOON + 2 * MINUTE });
    availability[Symbol.dispose]();
  });

  it("resume where nothing can be written, say that it is not kept, and heed who writes it since", () => {
    const { clock, availability, store } = start();
    availability.pause();
    expect(availability.unkept).toBeUndefined();
    store.isReadOnly = true;
    availability.resume();
    clock.advance(MINUTE);
    expect(availability.current).toEqual(SERVING);
    expect(availability.unkept).toContain("EROFS");
    store.pause = { untilWallMs: NOON + 60 * MINUTE };
    clock.advance(MINUTE);
    expect(availability.current).toMatchObject({ type: "paused", untilWallMs: NOON + 60 * MINUTE });
    expect(availability.unkept).toBeUndefined();
    availability[Symbol.dispose]();
  });

  it("serve everyone when the owner asks for nothing, and ask the machine nothing", async () => {
    const { clock, availability, world } = start();
    clock.advance(10 * MINUTE);
    await settle();
    expect(availability.current).toEqual(SERVING);
    expect(availability.heartbeat).toEqual({ paused: false, private_only: false });
    expect([world.idleReads, world.batteryReads]).toEqual([0, 0]);
  });

  it("say when only the owner is served", () => {
    expect(start({ sharing: "owner_only" }).availability.heartbeat).toEqual({ paused: false, private_only: true });
  });

  it("pause until the owner resumes, over a restart", () => {
    const { availability, open } = start();
    const seen: Availability[] = [];
    availability.watch((now) => seen.push(now));
    availability.pause();
    availability.pause();
    expect(availability.heartbeat.paused).toBe(true);
    availability[Symbol.dispose]();
    const restarted = open();
    expect(restarted.current).toEqual({ type: "paused", reason: "owner" });
    restarted.resume();
    expect(restarted.current).toEqual(SERVING);
    expect(seen).toEqual([{ type: "paused", reason: "owner" }]);
  });

  it("end a pause at its time, also when the machine slept through it", () => {
    const { clock, availability, world } = start();
    availability.pause(NOON + 60 * MINUTE);
    expect(availability.current).toEqual({ type: "paused", reason: "owner", untilWallMs: NOON + 60 * MINUTE });
    clock.advance(59 * MINUTE);
    expect(availability.current.type).toBe("paused");
    // Asleep: the wall clock goes on, the timers do not.
    world.offset += 8 * 60 * MINUTE;
    clock.advance(5_000);
    expect(availability.current).toEqual(SERVING);
  });

  it("refuse a pause that ends before it begins", () => {
    const { availability } = start();
    for (const until of [NOON, 0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => availability.pause(until)).toThrow(RangeError);
    }
    expect(availability.current).toEqual(SERVING);
  });

  it("notice a pause that another program wrote", () => {
    const { clock, availability, store } = start();
    store.pause = {};
    clock.advance(5_000);
    expect(availability.current).toEqual({ type: "paused", reason: "owner" });
    store.pause = undefined;
    clock.advance(5_000);
    expect(availability.current).toEqual(SERVING);
  });

  it("keep to the hours, say when they begin, and follow a wall clock that is set back", () => {
    const { clock, availability, world } = start({
      windows: [{ days: [3], fromMinute: 13 * 60, untilMinute: 14 * 60 }],
    });
    const opening = NOON + 60 * MINUTE;
    expect(availability.current).toEqual({ type: "paused", reason: "outside_hours", untilWallMs: opening });
    clock.advance(60 * MINUTE);
    expect(availability.current).toEqual(SERVING);
    world.offset -= 2 * 60 * MINUTE;
    clock.advance(5_000);
    expect(availability.current).toEqual({ type: "paused", reason: "outside_hours", untilWallMs: opening });
    clock.advance(120 * MINUTE);
    expect(availability.current).toEqual(SERVING);
    clock.advance(60 * MINUTE);
    expect(availability.current).toMatchObject({
      reason: "outside_hours",
      untilWallMs: opening + 7 * 24 * 60 * MINUTE,
    });
  });

  it("stand aside while the owner is there, and come back when he has been away for long enough", async () => {
    const { clock, availability, world } = start({ pauseWhenActiveMinutes: 5 });
    await availability.ready;
    expect(availability.current).toEqual(SERVING);
    world.idleMs = 1_000;
    clock.advance(15_000);
    await settle();
    expect(availability.current).toEqual({ type: "paused", reason: "owner_active" });
    world.idleMs = 5 * MINUTE;
    clock.advance(15_000);
    await settle();
    expect(availability.current).toEqual(SERVING);
  });

  it("know of the owner by the time they are ready", async () => {
    const { availability, world, open } = start({ pauseWhenActiveMinutes: 5 });
    await availability.ready;
    world.idleMs = 0;
    const restarted = open();
    await restarted.ready;
    expect(restarted.current).toEqual({ type: "paused", reason: "owner_active" });
  });

  it("serve when a probe that knew something fails", async () => {
    const { clock, availability, world } = start({ pauseWhenActiveMinutes: 5 });
    await availability.ready;
    world.idleMs = 0;
    clock.advance(15_000);
    await settle();
    expect(availability.current.type).toBe("paused");
    world.isBroken = true;
    clock.advance(15_000);
    await settle();
    expect(availability.current).toEqual(SERVING);
  });

  it("never probe twice at once, and go on when the slow probe has answered", async () => {
    const { clock, availability, world } = start({ pauseWhenActiveMinutes: 5 });
    await availability.ready;
    let release = (): void => {};
    world.hang = new Promise((resolve) => {
      release = resolve;
    });
    clock.advance(10 * MINUTE);
    expect(world.idleReads).toBe(2);
    release();
    await settle();
    clock.advance(15_000);
    expect(world.idleReads).toBe(3);
  });

  it("pause on battery only where the owner wants that", async () => {
    for (const [pauseOnBattery, type] of [
      [true, "paused"],
      [false, "serving"],
    ] as const) {
      const { clock, availability, world } = start({ pauseOnBattery });
      await availability.ready;
      world.onBattery = true;
      clock.advance(15_000);
      await settle();
      expect(availability.current.type).toBe(type);
    }
  });

  it("pause over the memory cap, and wait for some room before they serve again", () => {
    const { clock, availability, world } = start({ memoryPercent: 80 });
    const reasons: string[] = [];
    for (const used of [0.8, 0.81, 0.78, 0.74, 0.78]) {
      world.memoryUsed = used;
      clock.advance(5_000);
      reasons.push(availability.current.type);
    }
    expect(reasons).toEqual(["serving", "paused", "paused", "serving", "serving"]);
  });

  it("name the owner's own pause before any other reason", async () => {
    const { clock, availability, world } = start({
      pauseOnBattery: true,
      windows: [{ days: [1], fromMinute: 0, untilMinute: 1 }],
    });
    await availability.ready;
    world.onBattery = true;
    clock.advance(15_000);
    await settle();
    expect(world.batteryReads).toBe(2);
    expect(availability.current).toMatchObject({ reason: "outside_hours" });
    availability.pause();
    expect(availability.current).toMatchObject({ reason: "owner" });
    availability.resume();
    expect(availability.current).toMatchObject({ reason: "outside_hours" });
  });

  it("tell watchers nothing after these are disposed of, and leave no timer behind", () => {
    const { clock, availability } = start();
    const seen: Availability[] = [];
    const watching = availability.watch((now) => seen.push(now));
    watching[Symbol.dispose]();
    availability.pause();
    expect(seen).toEqual([]);
    availability[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
