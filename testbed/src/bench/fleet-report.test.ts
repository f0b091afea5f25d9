import { describe, expect, it } from "vitest";
import { type FleetFigures, fleetReport } from "./fleet-report.js";

const LOOP = { heldMs: 20, p99Ms: 5, busiestMs: 12, cpuMs: 0 };
const QUIET = { heldMs: 1, p99Ms: 1, busiestMs: 1, cpuMs: 0 };
const measured = (seconds: number, cpuMicros: number) => ({ seconds, cpuMicros, loop: LOOP, noise: QUIET });

const restarted = (phase: ReturnType<typeof measured>): FleetFigures["restart"] => ({
  ...{ ...phase, dials: 10_100, bootSeconds: 1.5, machinesCpuMicros: 30e6 },
});

const figures = (changes: Partial<FleetFigures> = {}): FleetFigures => ({
  providers: 10_000,
  addedBytes: 240e6,
  empty: measured(5, 50_000),
  first: { ...measured(40, 12e6), dials: 10_000 },
  idle: { ...measured(20, 2e6), heartbeatsPerSecond: 2_000 },
  restart: restarted(measured(14, 11e6)),
  ...changes,
});

const lineOf = (report: string, what: string): readonly string[] => {
  const line = report.split("\n").find((each) => each.includes(what)) ?? "";
  return line
    .split("|")
    .slice(2, 5)
    .map((cell) => cell.trim());
};

describe("the report on a fleet", () => {
  it("counts what the machines add, and not what it costs to watch", () => {
    const report = fleetReport(figures());
    expect(lineOf(report, "CPU that they added")).toEqual(["9.0", "10.0", "reached"]);
    expect(lineOf(report, "CPU a heartbeat")).toEqual(["45.0", "–", "–"]);
    expect(lineOf(report, "memory that they added")).toEqual(["240", "250", "reached"]);
  });

  it("names what is missed", () => {
    const slow = { ...measured(16, 1), loop: { ...LOOP, heldMs: 501, busiestMs: 0 } };
    const report = fleetReport(figures({ addedBytes: 251e6, restart: restarted(slow) }));
    expect(lineOf(report, "memory that they added")).toEqual(["251", "250", "MISSED"]);
    expect(lineOf(report, "restart: until all are back")).toEqual(["16.0", "15.0", "MISSED"]);
    expect(lineOf(report, "restart: event loop held at most")).toEqual(["501", "500", "MISSED"]);
  });

  it("judges what the loop did itself, where that is known, and else how long it was held", () => {
    const what = ["restart: event loop held at most", "restart: most CPU of the loop at a stretch"] as const;
    const verdicts = (loop: typeof LOOP): readonly (string | undefined)[] => {
      const report = fleetReport(figures({ restart: restarted({ ...measured(14, 1), loop }) }));
      return what.map((each) => lineOf(report, each)[2]);
    };
    expect(verdicts({ ...LOOP, heldMs: 900, busiestMs: 499 })).toEqual(["–", "reached"]);
    expect(verdicts({ ...LOOP, heldMs: 900, busiestMs: 501 })).toEqual(["–", "MISSED"]);
    expect(verdicts({ ...LOOP, heldMs: 900, busiestMs: 0 })).toEqual(["MISSED", "–"]);
  });

  it("tells what the machines cost themselves apart from what the coordinator does", () => {
    const report = fleetReport(figures());
    expect(lineOf(report, "restart: CPU a provider")).toEqual(["1100", "–", "–"]);
    expect(lineOf(report, "restart: CPU of the machine itself")).toEqual(["3000", "–", "–"]);
    expect(lineOf(report, "restart: until the coordinator listens")).toEqual(["1.5", "–", "–"]);
  });

  it("judges no fleet by what is meant for a larger one", () => {
    const report = fleetReport(figures({ providers: 4_999 }));
    expect(report).not.toMatch(/reached|MISSED/);
    expect(fleetReport(figures({ providers: 5_000 })).match(/reached/g)).toHaveLength(2);
  });
});
