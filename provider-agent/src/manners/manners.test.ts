import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Availability, MannersRules } from "./availability.js";
import { Manners } from "./manners.js";
import type { OwnerPause, PauseStore } from "./pause-file.js";

const RULES: MannersRules = {
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

function start(rules: Partial<MannersRules> = {}) {
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
    new Manners({
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
  return { clock, store, world, manners: open(), open };
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

describe("manners", () => {
  it("pauses also on a full disk, until the owner resumes or the time is over", () => {
    const { manners, store, world } = start();
    store.isFull = true;
    manners.pause();
    expect(manners.current).toMatchObject({ type: "paused", reason: "owner" });
    manners.resume();
    expect(manners.current).toEqual(SERVING);
    manners.pause(NOON + MINUTE);
    expect(manners.current).toMatchObject({ type: "paused", untilWallMs: NOON + MINUTE });
    world.offset = NOON + MINUTE;
    store.isFull = false;
    manners.pause(NOON + 2 * MINUTE);
    expect(store.pause).toEqual({ untilWallMs: NOON + 2 * MINUTE });
    manners[Symbol.dispose]();
  });

  it("resume where nothing can be written, say that it is not kept, and heed who writes it since", () => {
    const { clock, manners, store } = start();
    manners.pause();
    expect(manners.unkept).toBeUndefined();
    store.isReadOnly = true;
    manners.resume();
    clock.advance(MINUTE);
    expect(manners.current).toEqual(SERVING);
    expect(manners.unkept).toContain("EROFS");
    store.pause = { untilWallMs: NOON + 60 * MINUTE };
    clock.advance(MINUTE);
    expect(manners.current).toMatchObject({ type: "paused", untilWallMs: NOON + 60 * MINUTE });
    expect(manners.unkept).toBeUndefined();
    manners[Symbol.dispose]();
  });

  it("serve everyone when the owner asks for nothing, and ask the machine nothing", async () => {
    const { clock, manners, world } = start();
    clock.advance(10 * MINUTE);
    await settle();
    expect(manners.current).toEqual(SERVING);
    expect(manners.heartbeat).toEqual({ paused: false, private_only: false });
    expect([world.idleReads, world.batteryReads]).toEqual([0, 0]);
  });

  it("say when only the owner is served", () => {
    expect(start({ sharing: "owner_only" }).manners.heartbeat).toEqual({ paused: false, private_only: true });
  });

  it("pause until the owner resumes, over a restart", () => {
    const { manners, open } = start();
    const seen: Availability[] = [];
    manners.watch((now) => seen.push(now));
    manners.pause();
    manners.pause();
    expect(manners.heartbeat.paused).toBe(true);
    manners[Symbol.dispose]();
    const restarted = open();
    expect(restarted.current).toEqual({ type: "paused", reason: "owner" });
    restarted.resume();
    expect(restarted.current).toEqual(SERVING);
    expect(seen).toEqual([{ type: "paused", reason: "owner" }]);
  });

  it("end a pause at its time, also when the machine slept through it", () => {
    const { clock, manners, world } = start();
    manners.pause(NOON + 60 * MINUTE);
    expect(manners.current).toEqual({ type: "paused", reason: "owner", untilWallMs: NOON + 60 * MINUTE });
    clock.advance(59 * MINUTE);
    expect(manners.current.type).toBe("paused");
    // Asleep: the wall clock goes on, the timers do not.
    world.offset += 8 * 60 * MINUTE;
    clock.advance(5_000);
    expect(manners.current).toEqual(SERVING);
  });

  it("refuse a pause that ends before it begins", () => {
    const { manners } = start();
    for (const until of [NOON, 0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => manners.pause(until)).toThrow(RangeError);
    }
    expect(manners.current).toEqual(SERVING);
  });

  it("notice a pause that another program wrote", () => {
    const { clock, manners, store } = start();
    store.pause = {};
    clock.advance(5_000);
    expect(manners.current).toEqual({ type: "paused", reason: "owner" });
    store.pause = undefined;
    clock.advance(5_000);
    expect(manners.current).toEqual(SERVING);
  });

  it("keep to the hours, say when they begin, and follow a wall clock that is set back", () => {
    const { clock, manners, world } = start({ windows: [{ days: [3], fromMinute: 13 * 60, untilMinute: 14 * 60 }] });
    const opening = NOON + 60 * MINUTE;
    expect(manners.current).toEqual({ type: "paused", reason: "outside_hours", untilWallMs: opening });
    clock.advance(60 * MINUTE);
    expect(manners.current).toEqual(SERVING);
    world.offset -= 2 * 60 * MINUTE;
    clock.advance(5_000);
    expect(manners.current).toEqual({ type: "paused", reason: "outside_hours", untilWallMs: opening });
    clock.advance(120 * MINUTE);
    expect(manners.current).toEqual(SERVING);
    clock.advance(60 * MINUTE);
    expect(manners.current).toMatchObject({ reason: "outside_hours", untilWallMs: opening + 7 * 24 * 60 * MINUTE });
  });

  it("stand aside while the owner is there, and come back when he has been away for long enough", async () => {
    const { clock, manners, world } = start({ pauseWhenActiveMinutes: 5 });
    await manners.ready;
    expect(manners.current).toEqual(SERVING);
    world.idleMs = 1_000;
    clock.advance(15_000);
    await settle();
    expect(manners.current).toEqual({ type: "paused", reason: "owner_active" });
    world.idleMs = 5 * MINUTE;
    clock.advance(15_000);
    await settle();
    expect(manners.current).toEqual(SERVING);
  });

  it("know of the owner by the time they are ready", async () => {
    const { manners, world, open } = start({ pauseWhenActiveMinutes: 5 });
    await manners.ready;
    world.idleMs = 0;
    const restarted = open();
    await restarted.ready;
    expect(restarted.current).toEqual({ type: "paused", reason: "owner_active" });
  });

  it("serve when a probe that knew something fails", async () => {
    const { clock, manners, world } = start({ pauseWhenActiveMinutes: 5 });
    await manners.ready;
    world.idleMs = 0;
    clock.advance(15_000);
    await settle();
    expect(manners.current.type).toBe("paused");
    world.isBroken = true;
    clock.advance(15_000);
    await settle();
    expect(manners.current).toEqual(SERVING);
  });

  it("never probe twice at once, and go on when the slow probe has answered", async () => {
    const { clock, manners, world } = start({ pauseWhenActiveMinutes: 5 });
    await manners.ready;
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
      const { clock, manners, world } = start({ pauseOnBattery });
      await manners.ready;
      world.onBattery = true;
      clock.advance(15_000);
      await settle();
      expect(manners.current.type).toBe(type);
    }
  });

  it("pause over the memory cap, and wait for some room before they serve again", () => {
    const { clock, manners, world } = start({ memoryPercent: 80 });
    const reasons: string[] = [];
    for (const used of [0.8, 0.81, 0.78, 0.74, 0.78]) {
      world.memoryUsed = used;
      clock.advance(5_000);
      reasons.push(manners.current.type);
    }
    expect(reasons).toEqual(["serving", "paused", "paused", "serving", "serving"]);
  });

  it("name the owner's own pause before any other reason", async () => {
    const { clock, manners, world } = start({
      pauseOnBattery: true,
      windows: [{ days: [1], fromMinute: 0, untilMinute: 1 }],
    });
    await manners.ready;
    world.onBattery = true;
    clock.advance(15_000);
    await settle();
    expect(world.batteryReads).toBe(2);
    expect(manners.current).toMatchObject({ reason: "outside_hours" });
    manners.pause();
    expect(manners.current).toMatchObject({ reason: "owner" });
    manners.resume();
    expect(manners.current).toMatchObject({ reason: "outside_hours" });
  });

  it("tell watchers nothing after these are disposed of, and leave no timer behind", () => {
    const { clock, manners } = start();
    const seen: Availability[] = [];
    const watching = manners.watch((now) => seen.push(now));
    watching[Symbol.dispose]();
    manners.pause();
    expect(seen).toEqual([]);
    manners[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
