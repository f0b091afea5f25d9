import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { VitalsMonitor } from "./vitals.js";
import { memoryUsedOf, tidy, type Vitals, type VitalsSource } from "./vitals-reading.js";

class ScriptedSource implements VitalsSource {
  reads = 0;
  signal: AbortSignal | undefined;
  #pending: PromiseWithResolve | undefined;

  read(signal: AbortSignal): Promise<Vitals> {
    this.reads += 1;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  answer(vitals: Vitals): void {
    this.#pending?.resolve(vitals);
  }

  fail(): void {
    this.#pending?.reject(new Error("no such file"));
  }
}

interface PromiseWithResolve {
  resolve(vitals: Vitals): void;
  reject(error: Error): void;
}

function start() {
  const clock = new FakeClock();
  const source = new ScriptedSource();
  return { clock, source, monitor: new VitalsMonitor({ clock, source, intervalMs: 1_000 }) };
}

describe("the monitor of vitals", () => {
  it("knows nothing before the first reading has come, and then what it said", async () => {
    const { source, monitor } = start();
    expect(monitor.current).toEqual({});
    const first = monitor.refresh();
    source.answer({ cpu_load: 0.5 });
    await first;
    expect(monitor.current).toEqual({ cpu_load: 0.5 });
  });

  it("never reads twice at once, however slow a reading is", async () => {
    const { clock, source, monitor } = start();
    clock.advance(10_000);
    expect(source.reads).toBe(1);
    const first = monitor.refresh();
    source.answer({});
    await first;
    clock.advance(1_000);
    expect(source.reads).toBe(2);
  });

  it("keeps the last reading when one fails, until it is stale", async () => {
    const { clock, source, monitor } = start();
    const first = monitor.refresh();
    source.answer({ thermal: "fair" });
    await first;
    clock.advance(1_000);
    const second = monitor.refresh();
    source.fail();
    await second;
    expect(monitor.current).toEqual({ thermal: "fair" });
    clock.advance(6_000);
    expect(monitor.current).toEqual({});
  });

  it("gives its timer back and stops a reading under way when it is disposed of", () => {
    const { clock, source, monitor } = start();
    monitor[Symbol.dispose]();
    expect(clock.pending).toBe(0);
    expect(source.signal?.aborted).toBe(true);
  });
});

describe("vitals", () => {
  it("leave out what is not known or no number, and keep within bounds", () => {
    const nothing = { memory_pressure: undefined, cpu_load: Number.NaN, thermal: undefined };
    expect(tidy({ ...nothing, memory_free_bytes: 10.7, gpu_load: 1.2 })).toEqual({
      memory_free_bytes: 10,
      gpu_load: 1,
    });
  });

  it("tell the used share of the memory only where it is known", () => {
    expect(memoryUsedOf({ memory_free_bytes: 25 }, 100)).toBe(0.75);
    expect(memoryUsedOf({}, 100)).toBeUndefined();
  });
});
