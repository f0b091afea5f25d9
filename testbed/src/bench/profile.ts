import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pinSelf } from "./cores.js";
import { type CpuProfile, type ProfileSummary, type Share, summarise } from "./cpu-profile.js";
import { chatJob } from "./job.js";
import { measureLoad } from "./measure-load.js";
import { API_KEY, type Bench } from "./run.js";
import { machineMicros } from "./stamp.js";
import { figure, markdownTable } from "./table.js";
import { startTargets } from "./targets.js";

const CONCURRENCY = 32;
const WARM_UP_MS = 3_000;
const LOAD_MS = 8_000;
const ROWS = { self: 40, inclusive: 60, modules: 30 } as const;

/** What to profile. */
export interface ProfileOptions {
  readonly program: "coordinator" | "agent";
  readonly stream: boolean;
  /** Where to keep the .cpuprofile, for a viewer. */
  readonly keep: string | undefined;
}

/** Loads Hearth under V8's sampling profiler and says where the time of one program goes, as Markdown. */
export async function profileHearth(
  { processes, cores, progress }: Pick<Bench, "processes" | "cores" | "progress">,
  { program, stream, keep }: ProfileOptions,
): Promise<string> {
  pinSelf(cores);
  const folder = mkdtempSync(join(tmpdir(), "hearth-profile-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  progress("starting");
  const hearthFlags = { [program]: ["--cpu-prof", `--cpu-prof-dir=${folder}`] };
  const [hearth] = await startTargets(processes, { names: ["hearth"], apiKey: API_KEY, hearthFlags });
  if (hearth === undefined) throw new Error("Hearth did not start");
  const job = chatJob(stream, API_KEY);
  progress("warming up");
  await measureLoad(hearth, job, { concurrency: CONCURRENCY, elapsedMs: WARM_UP_MS });
  progress("measuring");
  const from = machineMicros();
  const sample = await measureLoad(hearth, job, { concurrency: CONCURRENCY, elapsedMs: LOAD_MS });
  const to = machineMicros();
  // V8 writes the profile when the process ends.
  await processes.stopAll();
  const file = readdirSync(folder).find((name) => name.endsWith(".cpuprofile"));
  if (file === undefined) throw new Error("the program left no profile");
  if (keep !== undefined) copyFileSync(join(folder, file), keep);
  const profile = JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile;
  const cpuMicros = (program === "coordinator" ? sample.frontCpuMicros : sample.backCpuMicros) ?? Number.NaN;
  return [
    `# Profile of the ${program}, ${stream ? "stream" : "non-stream"}, concurrency ${CONCURRENCY}: ${figure(cpuMicros, 0)} µs CPU a request while profiled, ${figure(sample.requestsPerSecond, 0)} req/s`,
    ...sections(summarise(profile, from, to), cpuMicros),
  ].join("\n\n");
}

function sections(summary: ProfileSummary, cpuMicros: number): readonly string[] {
  return (["modules", "self", "inclusive"] as const).flatMap((kind) => [
    `## ${kind}`,
    table(summary[kind].slice(0, ROWS[kind]), cpuMicros),
  ]);
}

function table(shares: readonly Share[], cpuMicros: number): string {
  const rows = shares.map(({ name, share }) => [name, figure(share * 100, 1), figure(share * cpuMicros, 1)]);
  return markdownTable(["", "%", "µs/req"], rows);
}
