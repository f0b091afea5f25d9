import { describe, expect, it } from "vitest";
import { clockMicros, cpuMicros, cpuTicks, rssBytes } from "./cpu.js";

describe("CPU and memory of a process", () => {
  it("finds user and system time behind a name that holds spaces and brackets", () => {
    const fields = "S 1 2 3 0 -1 4194304 100 0 0 0 1234 567 0 0 20 0 11 0 100";
    expect(cpuTicks(`42 (a (b) c) ${fields}`)).toEqual([1234, 567]);
  });

  it("reads the clock that ps prints", () => {
    expect(clockMicros("  0:01.25\n")).toBe(1_250_000);
    expect(clockMicros("01:02:03")).toBe(3_723_000_000);
    expect(clockMicros("2-00:00:01")).toBe(172_801_000_000);
  });

  it("agrees with what the process knows of itself", () => {
    const own = process.cpuUsage();
    // Two ticks of 10 ms, and what passes between the two readings.
    expect(Math.abs(cpuMicros(process.pid) - own.user - own.system)).toBeLessThan(100_000);
    expect(rssBytes(process.pid) / process.memoryUsage.rss()).toBeCloseTo(1, 0);
  });
});
