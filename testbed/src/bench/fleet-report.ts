import type { LoopReport } from "./loop-watch.js";
import { figure, markdownTable } from "./table.js";

/** What the coordinator is held against, and for how many machines each aim is meant. */
const AIMS = {
  idle: { providers: 10_000, coreShare: 0.1, addedMb: 250 },
  restart: { providers: 5_000, seconds: 15, loopMs: 500 },
} as const;

interface Measured {
  readonly seconds: number;
  /** Of the coordinator, in all its threads, µs. */
  readonly cpuMicros: number;
  readonly loop: LoopReport;
  /** What a process that does nothing saw on the same core. */
  readonly noise: LoopReport;
}

/** From an event until all machines are in. */
export interface Phase extends Measured {
  /** Connections that the machines tried to make while somebody listened. */
  readonly dials: number;
}

/** From the start of another coordinator until all machines are back. */
export interface Restart extends Phase {
  /** Until it listened. */
  readonly bootSeconds: number;
  /** Of the processes that stand for the machines, which share the other core. */
  readonly machinesCpuMicros: number;
}

export interface FleetFigures {
  readonly providers: number;
  /** With nobody connected: what it costs that the loops are watched, most of all. */
  readonly empty: Measured;
  /** What the machines added to the resident memory. */
  readonly addedBytes: number;
  /** The first registration, which the bench itself paces. */
  readonly first: Phase;
  readonly idle: Measured & { readonly heartbeatsPerSecond: number };
  readonly restart: Restart;
}

interface Line {
  readonly what: string;
  readonly value: number;
  readonly digits: number;
  /** Absent = there is none, or it is meant for larger fleets than this one. */
  readonly aim?: number | undefined;
}

/** The figures with what they should be, as Markdown. */
export function fleetReport(figures: FleetFigures): string {
  const rows = linesOf(figures).map(({ what, value, digits, aim }) => [
    what,
    figure(value, digits),
    figure(aim, digits),
    aim === undefined ? "–" : value <= aim ? "reached" : "MISSED",
  ]);
  return [`# ${figures.providers} idle providers`, markdownTable(["", "measured", "aim", ""], rows)].join("\n\n");
}

function linesOf(figures: FleetFigures): readonly Line[] {
  const { providers, addedBytes, empty, first, idle, restart } = figures;
  const isIdleAim = providers >= AIMS.idle.providers;
  const isRestartAim = providers >= AIMS.restart.providers;
  const added = idle.cpuMicros / idle.seconds - empty.cpuMicros / empty.seconds;
  const perMachine = (micros: number): number => micros / providers;
  return [
    {
      what: "idle: CPU that they added, % of a core",
      value: added / 1e4,
      digits: 1,
      aim: isIdleAim ? AIMS.idle.coreShare * 100 : undefined,
    },
    { what: "idle: heartbeats a second", value: idle.heartbeatsPerSecond, digits: 0 },
    { what: "idle: CPU a heartbeat, µs", value: added / idle.heartbeatsPerSecond, digits: 1 },
    {
      what: "memory that they added, MB",
      value: addedBytes / 1e6,
      digits: 0,
      aim: isIdleAim ? AIMS.idle.addedMb : undefined,
    },
    { what: "memory a provider, kB", value: addedBytes / 1e3 / providers, digits: 1 },
    ...loopLines("idle", idle),
    { what: "first registration: CPU a provider, µs", value: perMachine(first.cpuMicros), digits: 0 },
    ...loopLines("first registration", first),
    {
      what: "restart: until all are back, s",
      value: restart.seconds,
      digits: 1,
      aim: isRestartAim ? AIMS.restart.seconds : undefined,
    },
    { what: "restart: until the coordinator listens, s", value: restart.bootSeconds, digits: 1 },
    { what: "restart: dials a provider", value: restart.dials / providers, digits: 2 },
    { what: "restart: CPU a provider, µs", value: perMachine(restart.cpuMicros), digits: 0 },
    { what: "restart: CPU of the machine itself, µs", value: perMachine(restart.machinesCpuMicros), digits: 0 },
    ...loopLines("restart", restart, isRestartAim ? AIMS.restart.loopMs : undefined),
  ];
}

function loopLines(phase: string, { loop, noise }: Measured, aim?: number): readonly Line[] {
  // What else the machine does holds up any loop: judged is what this one does itself, where the system tells that.
  const isOwnKnown = loop.busiestMs > 0;
  return [
    { what: `${phase}: event loop held at most, ms`, value: loop.heldMs, digits: 0, aim: isOwnKnown ? undefined : aim },
    { what: `${phase}: event loop of a process that does nothing, ms`, value: noise.heldMs, digits: 0 },
    {
      what: `${phase}: most CPU of the loop at a stretch, ms`,
      value: loop.busiestMs,
      digits: 0,
      aim: isOwnKnown ? aim : undefined,
    },
    { what: `${phase}: event loop held, p99, ms`, value: loop.p99Ms, digits: 1 },
  ];
}
