import { readdirSync } from "node:fs";
import { API_KEY } from "../scripted/test-coordinator.js";
import { mixSeeds, Random } from "../sim/random.js";
import type { SpawnedHearth } from "../system/spawned-hearth.js";
import { runMarkedLoad, type Tally } from "./marked-load.js";
import type { Fault } from "./marking-backend.js";
import { MODEL, type Trouble, TroubledFleet } from "./troubled-fleet.js";

export interface ChaosOptions {
  readonly seed: number;
  readonly machines: number;
  readonly concurrency: number;
  /** Requests at least. */
  readonly requests: number;
  /** How long machines and networks are troubled, s. Requests go on for at least as long. */
  readonly seconds: number;
  /** Share of requests whose backend fails, 0 to 1. */
  readonly faultShare: number;
  /** The faults to choose from. */
  readonly faults: readonly Fault[];
  /** Told of what no consumer may see. */
  readonly report: (problem: string) => void;
}

export interface ChaosResult {
  readonly tally: Tally;
  readonly troubles: ReadonlyMap<Trouble, number>;
  readonly faults: ReadonlyMap<Fault, number>;
  readonly before: Holdings;
  /** When everything is calm again. */
  readonly after: Holdings;
}

/** What the coordinator holds at one moment. */
export interface Holdings {
  /** Open descriptors; `undefined` where the system does not tell. */
  readonly descriptors: number | undefined;
  /** Places of machines that are taken. */
  readonly slots: number;
  readonly heapBytes: number;
}

/** How long a consumer waits: longer than any deadline of the coordinator lets it, ms. */
const PATIENCE_MS = 180_000;

/**
 * Real programs, real sockets: consumers ask while backends fail, agents are killed and frozen, and networks reset, stall
 * and swallow. Stands on its seed as far as chance goes; what the operating system does in between is its own.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const random = (part: number): Random => new Random(mixSeeds(options.seed, part));
  const { machines, faultShare, faults } = options;
  await using fleet = await TroubledFleet.start({ machines, random: random(1), faultShare, faults });
  const before = await holdings(fleet.hearth);
  const stop = new AbortController();
  const troubled = fleet.trouble(performance.now() + options.seconds * 1000);
  const first = load(fleet, options, random(2), { requests: options.requests, stop: new AbortController().signal });
  const background = first.then((tally) =>
    load(fleet, options, random(3), { requests: Number.POSITIVE_INFINITY, stop: stop.signal }).then((more) =>
      add(tally, more),
    ),
  );
  await Promise.all([troubled, first]);
  stop.abort();
  const tally = await background;
  await fleet.calm();
  return { tally, troubles: fleet.troubles, faults: fleet.faults, before, after: await settledHoldings(fleet, before) };
}

interface LoadPart {
  readonly requests: number;
  readonly stop: AbortSignal;
}

function load(fleet: TroubledFleet, options: ChaosOptions, random: Random, part: LoadPart): Promise<Tally> {
  return runMarkedLoad({
    ...part,
    url: fleet.hearth.url,
    apiKey: API_KEY,
    model: MODEL,
    random,
    concurrency: options.concurrency,
    patienceMs: PATIENCE_MS,
    forbidden: (sight, asked, outcome) =>
      options.report(`${sight}: ${JSON.stringify(asked)} saw ${JSON.stringify(outcome).slice(0, 400)}`),
  });
}

function add(one: Tally, other: Tally): Tally {
  const keys = Object.keys(one) as (keyof Tally)[];
  return Object.fromEntries(keys.map((key) => [key, one[key] + other[key]])) as Tally;
}

async function holdings(hearth: SpawnedHearth): Promise<Holdings> {
  const providers = await hearth.providers();
  const slots = providers.flatMap(({ models }) => models).reduce((sum, { in_flight }) => sum + in_flight, 0);
  const heapBytes = await hearth.metric("nodejs_heap_size_used_bytes");
  return { descriptors: descriptorsOf(hearth.coordinator.pid), slots, heapBytes };
}

/** Connections close in their own time: what is held is looked at until it is as before, or for 30 s. */
async function settledHoldings(fleet: TroubledFleet, before: Holdings): Promise<Holdings> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const now = await holdings(fleet.hearth);
    const settled = now.slots === 0 && (now.descriptors ?? 0) <= (before.descriptors ?? 0);
    if (settled || performance.now() > deadline) return now;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function descriptorsOf(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}
