import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openStore, systemClock, systemRng } from "@hearth/coordinator/internals";
import { pinSelf } from "./cores.js";
import { cpuMicros, rssBytes } from "./cpu.js";
import { accountOf, firstDialsMs, requireDescriptors } from "./fleet-plan.js";
import { type FleetFigures, fleetReport, type Phase, type Restart } from "./fleet-report.js";
import { freePort } from "./free-port.js";
import { startCoordinatorAlone } from "./hearth.js";
import type { FleetCount } from "./lean-machine.js";
import type { LeanIdentity } from "./lean-machines.js";
import type { LoopReport } from "./loop-watch.js";
import { ProfileFolder, profileTables } from "./profile-folder.js";
import type { Bench } from "./run.js";
import type { Process, Processes } from "./spawn.js";
import { machineMicros } from "./stamp.js";

/** Processes that hold the machines. */
const HOLDERS = 2;
/** What the coordinator is left alone for before anything is measured, and how long it is measured, ms. */
const SETTLE_MS = 10_000;
const MEASURED_MS = 20_000;
const POLL_MS = 100;
/** How long all machines may take to be in. */
const PATIENCE_MS = 300_000;
/** How often the loops are looked at: idle machines are not to pay for more, ms. */
const RESOLUTION_MS = 5;
const MACHINES_PER_ACCOUNT = 10_000;

export interface FleetOptions {
  readonly providers: number;
  /** Say where the CPU of the restart goes, of the coordinator and of the machines. What is measured is dearer then. */
  readonly profile: boolean;
}

/** Measures a coordinator with idle machines, and its restart, and says what came of it as Markdown. */
export async function benchFleet(
  { processes, cores, progress }: Pick<Bench, "processes" | "cores" | "progress">,
  { providers, profile }: FleetOptions,
): Promise<string> {
  requireDescriptors(providers, openFilesLimit());
  pinSelf(cores);
  const profiles = profile ? { coordinator: new ProfileFolder(), machines: new ProfileFolder() } : undefined;
  const fleet = await Fleet.prepare(processes, providers, profiles?.machines);
  progress("starting");
  await fleet.start();
  await pause(SETTLE_MS / 2);
  const empty = await fleet.idle(SETTLE_MS / 2);
  const emptyBytes = fleet.rssBytes;
  progress(`${providers} machines register`);
  const first = await fleet.phase(() => fleet.dial());
  progress("measuring them idle");
  await pause(SETTLE_MS);
  const idle = await fleet.idle(MEASURED_MS);
  const addedBytes = fleet.rssBytes - emptyBytes;
  progress("restarting");
  await fleet.kill();
  const from = machineMicros();
  const restart = await fleet.restart(profiles?.coordinator);
  const to = machineMicros();
  await processes.stopAll();
  const report = fleetReport({ providers, addedBytes, empty, first, idle, restart });
  if (profiles === undefined) return report;
  const tables = (folder: ProfileFolder, micros: number): readonly string[] =>
    profileTables(folder.summary(from, to), micros / providers, "µs a provider");
  return [
    report,
    "# The coordinator's CPU in the restart",
    ...tables(profiles.coordinator, restart.cpuMicros),
    "# The machines' CPU in the restart",
    ...tables(profiles.machines, restart.machinesCpuMicros),
  ].join("\n\n");
}

function openFilesLimit(): number {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly hard?: number | string } };
  };
  const hard = userLimits?.open_files?.hard;
  // Node raises its soft limit to the hard one, in each process of the bench.
  return typeof hard === "number" ? hard : Number.POSITIVE_INFINITY;
}

/** The coordinator, the machines, and beside the coordinator a process that does nothing: what it sees is noise. */
class Fleet {
  readonly #processes: Processes;
  readonly #providers: number;
  readonly #folder: string;
  readonly #port: number;
  readonly #holders: readonly Holder[];
  readonly #watchPort: number;
  readonly #idlePort: number;
  #coordinator: Process | undefined;

  private constructor(
    processes: Processes,
    { providers, folder, holders }: { providers: number; folder: string; holders: readonly Holder[] },
    ports: readonly [own: number, watch: number, idle: number],
  ) {
    this.#processes = processes;
    this.#providers = providers;
    this.#folder = folder;
    this.#holders = holders;
    [this.#port, this.#watchPort, this.#idlePort] = ports;
  }

  /** @param profiles where the processes that hold the machines leave theirs */
  static async prepare(processes: Processes, providers: number, profiles?: ProfileFolder): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), "hearth-bench-fleet-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const holders = await startHolders(processes, { port, providers, flags: profiles?.flags ?? [] });
    const idlePort = await freePort();
    processes.start({
      name: "idle process",
      place: "front",
      arguments: ["--import", watchOf(idlePort), "--eval", "setInterval(() => {}, 1_000_000)"],
    });
    const ports = [port, await freePort(), idlePort] as const;
    await enrol(join(folder, "coordinator"), holders);
    return new Fleet(processes, { providers, folder, holders }, ports);
  }

  async start(profiles?: ProfileFolder): Promise<void> {
    this.#coordinator = await startCoordinatorAlone(this.#processes, {
      port: this.#port,
      folder: this.#folder,
      flags: ["--import", watchOf(this.#watchPort), ...(profiles?.flags ?? [])],
      // Each machine has an address of its own, as behind a proxy.
      env: { HEARTH_PROXIES: "1", HEARTH_LOG_LEVEL: "warn" },
    });
  }

  async kill(): Promise<void> {
    const { pid } = this.#running;
    process.kill(pid, "SIGKILL");
    while (this.#running.ended() === undefined) await pause(POLL_MS / 10);
  }

  /** From the start of another coordinator until all machines are back. */
  async restart(profiles?: ProfileFolder): Promise<Restart> {
    const [from, machinesBefore] = [performance.now(), this.#machinesCpuMicros];
    let bootSeconds = 0;
    const phase = await this.phase(async () => {
      await this.start(profiles);
      bootSeconds = (performance.now() - from) / 1_000;
    });
    return { ...phase, bootSeconds, machinesCpuMicros: this.#machinesCpuMicros - machinesBefore };
  }

  get #machinesCpuMicros(): number {
    return this.#holders.reduce((sum, { process: { pid } }) => sum + cpuMicros(pid), 0);
  }

  get rssBytes(): number {
    return rssBytes(this.#running.pid);
  }

  async dial(): Promise<void> {
    const ms = firstDialsMs(this.#providers);
    await Promise.all(this.#holders.map(({ port }) => ask(port, `/dial?ms=${ms}`)));
  }

  /** From an event until all machines are in. */
  async phase(event: () => Promise<void>): Promise<Phase> {
    const before = await this.#count();
    // Of a coordinator that the event starts, all of its CPU counts.
    const cpuBefore = this.#running.ended() === undefined ? cpuMicros(this.#running.pid) : 0;
    const from = performance.now();
    await event();
    // Its loop counts from when it listens: before, nobody waits for it.
    await this.#loops();
    const deadline = from + PATIENCE_MS;
    for (;;) {
      const { registered, dials } = await this.#count();
      if (registered === this.#providers) return this.#phaseOf(from, cpuBefore, dials - before.dials);
      if (performance.now() > deadline) throw new Error(`only ${registered} of ${this.#providers} machines are in`);
      const end = this.#running.ended();
      if (end !== undefined) throw new Error(end);
      await pause(POLL_MS);
    }
  }

  async #phaseOf(from: number, cpuBefore: number, dials: number): Promise<Phase> {
    const seconds = (performance.now() - from) / 1_000;
    return { seconds, dials, cpuMicros: cpuMicros(this.#running.pid) - cpuBefore, ...(await this.#loops()) };
  }

  async idle(ms: number): Promise<FleetFigures["idle"]> {
    await this.#loops();
    const [before, cpuBefore, from] = [await this.#count(), cpuMicros(this.#running.pid), performance.now()];
    await pause(ms);
    const [after, cpuAfter, to] = [await this.#count(), cpuMicros(this.#running.pid), performance.now()];
    const seconds = (to - from) / 1_000;
    if (after.lost > before.lost) throw new Error(`${after.lost - before.lost} idle machines lost their connections`);
    return {
      seconds,
      cpuMicros: cpuAfter - cpuBefore,
      heartbeatsPerSecond: (after.beats - before.beats) / seconds,
      ...(await this.#loops()),
    };
  }

  get #running(): Process {
    if (this.#coordinator === undefined) throw new Error("the coordinator was not started");
    return this.#coordinator;
  }

  async #loops(): Promise<Pick<Phase, "loop" | "noise">> {
    const [loop, noise] = await Promise.all([this.#watchPort, this.#idlePort].map((port) => ask(port, "/")));
    return { loop: loop as LoopReport, noise: noise as LoopReport };
  }

  async #count(): Promise<FleetCount> {
    const counts = (await Promise.all(this.#holders.map(({ port }) => ask(port, "/count")))) as readonly FleetCount[];
    const sum = (name: keyof FleetCount): number => counts.reduce((all, each) => all + each[name], 0);
    return { registered: sum("registered"), beats: sum("beats"), dials: sum("dials"), lost: sum("lost") };
  }
}

const watchOf = (port: number): string =>
  new URL(`./loop-watch.js?port=${port}&resolution=${RESOLUTION_MS}`, import.meta.url).href;

/** A process that holds machines, and the port on which it is asked. */
interface Holder {
  readonly process: Process;
  readonly port: number;
}

interface HolderPlan {
  /** Of the coordinator. */
  readonly port: number;
  readonly providers: number;
  /** More arguments of node. */
  readonly flags: readonly string[];
}

async function startHolders(processes: Processes, { port, providers, flags }: HolderPlan): Promise<readonly Holder[]> {
  const each = Math.ceil(providers / HOLDERS);
  const starts = Array.from({ length: HOLDERS }, async (_, index) => {
    const first = index * each;
    const holder = processes.start({
      name: `machines from ${first}`,
      place: "rest",
      arguments: [
        ...flags,
        fileURLToPath(new URL("./role.js", import.meta.url)),
        ...["machines", port, first, Math.max(0, Math.min(each, providers - first))].map(String),
      ],
    });
    const [, own] = await holder.line(/^ready (\d+)$/);
    return { process: holder, port: Number(own) };
  });
  return Promise.all(starts);
}

/** Writes the machines into the coordinator's database, as if each had logged in. */
async function enrol(dataDir: string, holders: readonly Holder[]): Promise<void> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const settings = { maxWaiting: Number.MAX_SAFE_INTEGER, postgres: undefined };
  const store = await openStore({ settings, dataDir, clock: systemClock, rng: systemRng });
  const lists = (await Promise.all(holders.map(({ port }) => ask(port, "/identities")))) as readonly LeanIdentity[][];
  const added = lists.flat().map(({ index, identity, tokenDigest }) =>
    store.enrolments.addMachine(
      {
        ...{ id: `mach_${index}`, account: accountOf(index), identity, tokenDigest },
        ...{ name: `machine ${index}`, platform: "darwin", agentVersion: "1.0.0" },
        ...{ method: "device_code", createdAtMs: Date.now() },
      },
      MACHINES_PER_ACCOUNT,
    ),
  );
  await Promise.all(added);
  await store.close();
}

function ask(port: number, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false });
    asked.on("error", reject).end();
    void once(asked, "response").then(async ([response]) => {
      let text = "";
      for await (const more of response.setEncoding("utf8")) text += more;
      resolve(text === "" ? undefined : JSON.parse(text));
    }, reject);
  });
}
