import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@hearth/platform/testing";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BusyFile, type BusyRecord, type BusyStore } from "./busy-file.js";
import { BusyTime, KEEP_MS, MAX_DAYS } from "./busy-time.js";

const log = pino({ level: "silent" });
const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** A Sunday, one hour before the week ends. */
const SUNDAY_2300 = Date.parse("2026-01-11T23:00:00.000Z");

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-busy-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A machine whose day can be set beside its clock. */
class Machine {
  clock = new FakeClock();
  offsetMs: number;
  store: BusyStore = new BusyFile(dir, "default");

  constructor(startsAt = SUNDAY_2300) {
    this.offsetMs = startsAt;
  }

  start(): BusyTime {
    const { clock, store } = this;
    return new BusyTime({ clock, wallTime: () => clock.now() + this.offsetMs, store, log });
  }

  /** Sets the day by hand; the clock goes on. */
  set(time: string): void {
    this.offsetMs = Date.parse(time) - this.clock.now();
  }

  /** What runs on it is gone, and nothing that it had set goes off any more. */
  crash(): void {
    this.offsetMs += this.clock.now();
    this.clock = new FakeClock();
  }

  /** One request for so long. */
  serve(time: BusyTime, ms: number): void {
    time.turn(true);
    this.clock.advance(ms);
    time.turn(false);
  }
}

describe("busy time", () => {
  it("counts from the first request to the end of the last, and what waits between not", () => {
    const machine = new Machine();
    using time = machine.start();
    machine.clock.advance(10 * SECOND);
    machine.serve(time, 3 * SECOND);
    machine.clock.advance(10 * SECOND);
    time.turn(true);
    machine.clock.advance(SECOND);
    // Also while it runs.
    expect(time.sums()).toEqual({ todayMs: 4 * SECOND, weekMs: 4 * SECOND, totalMs: 4 * SECOND, since: SUNDAY_2300 });
    time.turn(true);
    machine.clock.advance(SECOND);
    time.turn(false);
    time.turn(false);
    machine.clock.advance(HOUR / 2);
    expect(time.sums().totalMs).toBe(5 * SECOND);
  });

  it("gives what runs over midnight to both days, and over the end of Sunday to both weeks", () => {
    // No count of its own accord falls on midnight.
    const machine = new Machine(SUNDAY_2300 + 25 * SECOND);
    using time = machine.start();
    time.turn(true);
    machine.clock.advance(HOUR);
    expect(time.sums()).toMatchObject({ todayMs: 25 * SECOND, weekMs: 25 * SECOND, totalMs: HOUR });
    time.turn(false);
    machine.clock.advance(DAY);
    machine.serve(time, SECOND);
    expect(time.sums()).toMatchObject({ todayMs: SECOND, weekMs: 26 * SECOND, totalMs: HOUR + SECOND });
    machine.clock.advance(6 * DAY);
    expect(time.sums()).toMatchObject({ todayMs: 0, weekMs: 0, totalMs: HOUR + SECOND });
  });

  it("splits one count over several midnights", () => {
    const machine = new Machine();
    using time = machine.start();
    time.turn(true);
    // Timers that keep come late: the whole is one count.
    machine.clock.jump(2 * DAY + HOUR);
    machine.set("2026-01-14T00:00:00.000Z");
    expect(time.sums()).toMatchObject({ todayMs: 0, weekMs: 2 * DAY, totalMs: 2 * DAY + HOUR });
  });

  it("counts by the clock, wherever the day is set", () => {
    const machine = new Machine();
    using time = machine.start();
    machine.serve(time, 10 * SECOND);
    time.turn(true);
    machine.set("2026-01-10T12:00:00.000Z");
    machine.clock.advance(5 * SECOND);
    expect(time.sums()).toMatchObject({ todayMs: 5 * SECOND, weekMs: 15 * SECOND, totalMs: 15 * SECOND });
    machine.set("2031-06-01T12:00:00.000Z");
    machine.clock.advance(2 * SECOND);
    expect(time.sums()).toMatchObject({ todayMs: 2 * SECOND, weekMs: 2 * SECOND, totalMs: 17 * SECOND });
    time.turn(false);
    machine.set("2026-01-11T23:30:00.000Z");
    expect(time.sums()).toMatchObject({ todayMs: 10 * SECOND, weekMs: 15 * SECOND, totalMs: 17 * SECOND });
  });

  it("goes on after a restart, and loses a minute at most to a crash", () => {
    const machine = new Machine(Date.parse("2026-01-06T08:00:00.000Z"));
    machine.start().turn(true);
    machine.clock.advance(KEEP_MS + 30 * SECOND);
    machine.crash();
    {
      using time = machine.start();
      expect(time.sums()).toMatchObject({ todayMs: KEEP_MS, totalMs: KEEP_MS });
      machine.serve(time, SECOND);
      time.turn(true);
      machine.clock.advance(SECOND);
    }
    machine.clock.advance(DAY);
    using time = machine.start();
    expect(time.sums()).toEqual({
      todayMs: 0,
      weekMs: KEEP_MS + 2 * SECOND,
      totalMs: KEEP_MS + 2 * SECOND,
      since: Date.parse("2026-01-06T08:00:00.000Z"),
    });
  });

  it("adds up old days, and forgets none of them", () => {
    const machine = new Machine();
    {
      using time = machine.start();
      for (let day = 0; day < MAX_DAYS + 40; day++) {
        machine.serve(time, SECOND);
        machine.clock.jump(DAY - SECOND);
      }
    }
    expect((machine.store.load() as BusyRecord).days).toHaveLength(MAX_DAYS);
    using time = machine.start();
    expect(time.sums().totalMs).toBe((MAX_DAYS + 40) * SECOND);
  });

  it("writes nothing while nothing runs", () => {
    const machine = new Machine();
    let writes = 0;
    machine.store = { load: () => "absent", save: () => void writes++ };
    using time = machine.start();
    machine.clock.advance(HOUR);
    expect(writes).toBe(0);
    machine.serve(time, SECOND);
    machine.clock.advance(HOUR);
    expect(writes).toBe(1);
  });

  it("counts on where it cannot be kept, says so, and keeps it when it can", () => {
    const machine = new Machine();
    const kept = machine.store;
    let full = true;
    machine.store = {
      load: () => kept.load(),
      save(record) {
        if (full) throw Object.assign(new Error("no"), { code: "ENOSPC" });
        kept.save(record);
      },
    };
    using time = machine.start();
    machine.serve(time, KEEP_MS);
    expect(time.unkept).toBe("its disk is full (ENOSPC); free some space");
    expect(time.sums().totalMs).toBe(KEEP_MS);
    full = false;
    machine.clock.advance(KEEP_MS);
    expect(time.unkept).toBeUndefined();
    expect(kept.load()).toMatchObject({ days: [{ ms: KEEP_MS }] });
  });
});

describe("the file of busy time", () => {
  const path = (): string => join(dir, "busy.json");
  const VALID = { version: 1, since: "2026-01-05T00:00:00.000Z", earlier_busy_ms: 7, days: [] as unknown[] };

  it.each([
    ["empty", ""],
    ["cut off", "{"],
    ["another thing", "[]"],
    ["of a later agent", JSON.stringify({ ...VALID, version: 2 })],
    ["below zero", JSON.stringify({ ...VALID, earlier_busy_ms: -1 })],
    ["without a time", JSON.stringify({ ...VALID, since: "yesterday" })],
    ["far too long", JSON.stringify({ ...VALID, days: ["x".repeat(70_000)] })],
  ])("begins anew where it is %s", (_, content) => {
    writeFileSync(path(), content);
    const machine = new Machine();
    expect(machine.store.load()).toBe("unreadable");
    using time = machine.start();
    expect(time.sums()).toEqual({ todayMs: 0, weekMs: 0, totalMs: 0, since: SUNDAY_2300 });
  });

  it("leaves out a day that is none, and keeps the others", () => {
    const days = [
      { day: "2026-01-11", busy_ms: 5 },
      { day: "2026-02-31", busy_ms: 5 },
      { day: "2026-01-10", busy_ms: -5 },
    ];
    writeFileSync(path(), JSON.stringify({ ...VALID, days }));
    using time = new Machine().start();
    expect(time.sums()).toMatchObject({ todayMs: 5, totalMs: 12 });
  });

  it("is another one for each name", () => {
    const record = { since: SUNDAY_2300, earlierMs: 0, days: [{ day: Date.parse("2026-01-11"), ms: 1.4 }] };
    new BusyFile(dir, "a/b").save(record);
    expect(new BusyFile(dir, "default").load()).toBe("absent");
    expect(new BusyFile(dir, "a/b").load()).toEqual({ ...record, days: [{ day: Date.parse("2026-01-11"), ms: 1 }] });
    expect(JSON.parse(readFileSync(join(dir, "busy-a%2Fb.json"), "utf8"))).toEqual({
      version: 1,
      since: "2026-01-11T23:00:00.000Z",
      earlier_busy_ms: 0,
      days: [{ day: "2026-01-11", busy_ms: 1 }],
    });
  });
});
