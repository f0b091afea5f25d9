import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Draw } from "../machine/power-meter.js";
import type { BusyState } from "./busy-time.js";
import { DrawWatch, drawFile } from "./draw-watch.js";

const READ_MS = 10_000;
const ENOUGH = 6;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-draw-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A machine with a meter. */
class Machine {
  readonly clock = new FakeClock();
  readonly busyTime = { state: { busy: false, since: -60_000 } as BusyState };
  draw: Draw | undefined = { watts: 10, of: "gpu" };
  /** Called within each reading. */
  within = (): void => {};

  start(): DrawWatch {
    const meter = {
      read: async () => {
        this.within();
        return this.draw;
      },
    };
    return new DrawWatch({ clock: this.clock, meter, busyTime: this.busyTime, store: drawFile(dir, "default") });
  }

  turn(busy: boolean): void {
    this.busyTime.state = { busy, since: this.clock.now() };
  }

  /** So many readings, each of so many watts. */
  async readings(count: number, watts: number): Promise<void> {
    this.draw = this.draw && { ...this.draw, watts };
    for (let n = 0; n < count; n++) {
      this.clock.advance(READ_MS);
      await Promise.resolve();
      await Promise.resolve();
    }
  }
}

describe("the watch on the machine's power", () => {
  it("tells what it draws more while requests run, when there are readings enough of both", async () => {
    const machine = new Machine();
    using watch = machine.start();
    await machine.readings(ENOUGH, 10);
    machine.turn(true);
    await machine.readings(ENOUGH - 1, 130);
    expect(watch.current).toEqual({ type: "too_few_readings" });
    await machine.readings(1, 136);
    expect(watch.current).toEqual({ type: "measured", extraWatts: 121, of: "gpu" });
  });

  it("takes no reading in which requests came or went, or soon after", async () => {
    const machine = new Machine();
    using watch = machine.start();
    await machine.readings(ENOUGH, 10);
    machine.turn(true);
    await machine.readings(ENOUGH, 100);
    // The end lies within the reading.
    machine.within = () => machine.turn(!machine.busyTime.state.busy);
    await machine.readings(20, 5_000);
    machine.within = () => {};
    for (const busy of [true, false, true]) {
      machine.clock.advance(READ_MS - 1_000);
      machine.turn(busy);
      machine.draw = { watts: 5_000, of: "gpu" };
      machine.clock.advance(1_000);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(watch.current).toEqual({ type: "measured", extraWatts: 90, of: "gpu" });
  });

  it("never takes serving for a saving", async () => {
    const machine = new Machine();
    using watch = machine.start();
    await machine.readings(ENOUGH, 300);
    machine.turn(true);
    await machine.readings(ENOUGH, 100);
    expect(watch.current).toMatchObject({ extraWatts: 0 });
  });

  it("goes by the newest readings", async () => {
    const machine = new Machine();
    using watch = machine.start();
    await machine.readings(1_000, 10);
    machine.turn(true);
    await machine.readings(2_000, 100);
    await machine.readings(2_000, 200);
    expect((watch.current as { extraWatts: number }).extraWatts).toBeGreaterThan(185);
  });

  it("keeps them over a restart, and begins anew where they cannot be read", async () => {
    const machine = new Machine();
    {
      using _watch = machine.start();
      await machine.readings(ENOUGH, 10);
      machine.turn(true);
      await machine.readings(ENOUGH, 90);
    }
    {
      using watch = machine.start();
      expect(watch.current).toEqual({ type: "measured", extraWatts: 80, of: "gpu" });
    }
    writeFileSync(join(dir, "power.json"), '{"version":1,"of":"gpu","busy":{"watts":-5,"readings":9}}');
    using watch = machine.start();
    expect(watch.current).toEqual({ type: "too_few_readings" });
  });

  it("stays with its readings while a part is silent, and begins anew when it is gone", async () => {
    const machine = new Machine();
    machine.draw = { watts: 10, of: "gpu+cpu" };
    using watch = machine.start();
    await machine.readings(ENOUGH, 10);
    machine.turn(true);
    await machine.readings(ENOUGH, 90);
    machine.draw = { watts: 0, of: "cpu" };
    await machine.readings(ENOUGH - 1, 1);
    expect(watch.current).toEqual({ type: "measured", extraWatts: 80, of: "gpu+cpu" });
    await machine.readings(1, 1);
    expect(watch.current).toEqual({ type: "too_few_readings" });
  });

  it("says that nothing measures here, and stops when it is told", async () => {
    const machine = new Machine();
    machine.draw = undefined;
    const watch = machine.start();
    await machine.readings(2, 0);
    expect(watch.current).toEqual({ type: "no_meter" });
    watch[Symbol.dispose]();
    expect(machine.clock.pending).toBe(0);
  });
});
