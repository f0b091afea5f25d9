import { type Clock, sleep } from "@hearth/platform";
import { type RunTool, toolAsked } from "./run-tool.js";
import { listSystemFolder, readSystemFile, readSystemNumber } from "./system-file.js";

/** The parts of a machine whose power was read together. */
export type MeteredParts = "gpu" | "cpu" | "gpu+cpu";

/** What parts of the machine draw, not the machine: neither its memory, where that has no meter, nor its power supply. */
export interface Draw {
  readonly watts: number;
  readonly of: MeteredParts;
}

export interface PowerMeter {
  /** Takes about a second. Never rejects. @returns `undefined` where nothing can be read without special rights */
  read(signal: AbortSignal): Promise<Draw | undefined>;
}

export interface PowerMeterOptions {
  readonly platform: NodeJS.Platform;
  readonly run: RunTool;
  readonly clock: Clock;
  /** Root of the file system on Linux; default `""`. */
  readonly root?: string;
}

/** No machine that is lent draws more: something was read wrongly. */
const MAX_WATTS = 20_000;
/** Energy counters of the processor are read so far apart, ms. */
const SPAN_MS = 1_000;

/** NVIDIA's GPUs by `nvidia-smi`, and on Linux the processor by RAPL where that may be read. macOS tells only root. */
export function powerMeter({ platform, run, clock, root = "" }: PowerMeterOptions): PowerMeter {
  const askGpus = toolAsked(run, "nvidia-smi", POWER_ARGS);
  return {
    async read(signal) {
      const [gpu, cpu] = await Promise.all([
        platform === "darwin" ? undefined : askGpus(signal).then((text) => parsePowerDraw(text ?? "")),
        platform === "linux" ? readProcessor(root, clock, signal) : undefined,
      ]);
      const watts = (gpu ?? 0) + (cpu ?? 0);
      if ((gpu === undefined && cpu === undefined) || watts > MAX_WATTS) return undefined;
      return { watts, of: gpu === undefined ? "cpu" : cpu === undefined ? "gpu" : "gpu+cpu" };
    },
  };
}

const POWER_ARGS: readonly string[] = ["--query-gpu=power.draw", "--format=csv,noheader,nounits"];

/** Adds up a number of watts a line; none where a GPU does not tell (`[N/A]`), for the sum would be of others. */
function parsePowerDraw(text: string): number | undefined {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim());
  if (!lines.every((line) => /^\d{1,5}(\.\d{1,4})?$/.test(line))) return undefined;
  return lines.reduce((sum, line) => sum + Number(line), 0);
}

/** An energy counter of RAPL (kernel documentation: "Power Capping Framework"). */
interface Counter {
  readonly path: string;
  readonly microJoules: number;
}

/**
 * Watts of all processor packages, and of memory where it has a counter of its own, over a second. Most systems let only
 * root read these counters.
 */
async function readProcessor(root: string, clock: Clock, signal: AbortSignal): Promise<number | undefined> {
  const startedAt = clock.now();
  const before = await readCounters(`${root}/sys/class/powercap`);
  if (before === undefined || before.length === 0) return undefined;
  await sleep(clock, SPAN_MS, signal);
  const used = await Promise.all(before.map(usedSince));
  const seconds = (clock.now() - startedAt) / 1_000;
  const known = used.filter((microJoules) => microJoules !== undefined);
  if (signal.aborted || known.length < used.length || seconds <= 0) return undefined;
  return known.reduce((sum, microJoules) => sum + microJoules, 0) / 1e6 / seconds;
}

/** @returns `undefined` when one of them may not be read */
async function readCounters(folder: string): Promise<readonly Counter[] | undefined> {
  const zones = (await listSystemFolder(folder)).filter((zone) => /^intel-rapl:\d+(:\d+)?$/.test(zone)).sort();
  const counters: Counter[] = [];
  for (const zone of zones) {
    const path = `${folder}/${zone}`;
    // A package holds its cores and its graphics; `psys` holds the package.
    if (!/^(package-\d+|dram)$/.test((await readSystemFile(`${path}/name`))?.trim() ?? "")) continue;
    const microJoules = await readSystemNumber(`${path}/energy_uj`);
    if (microJoules === undefined) return undefined;
    counters.push({ path, microJoules });
  }
  return counters;
}

async function usedSince({ path, microJoules: before }: Counter): Promise<number | undefined> {
  const now = await readSystemNumber(`${path}/energy_uj`);
  if (now === undefined || now >= before) return now === undefined ? undefined : now - before;
  // It begins again at 0 behind its largest number.
  const range = await readSystemNumber(`${path}/max_energy_range_uj`);
  return range === undefined || range < before ? undefined : range - before + now;
}
