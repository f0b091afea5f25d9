import { pinSelf } from "./cores.js";
import { chatJob } from "./job.js";
import { measureLoad } from "./measure-load.js";
import { ProfileFolder, profileTables } from "./profile-folder.js";
import { API_KEY, type Bench } from "./run.js";
import { machineMicros } from "./stamp.js";
import { figure } from "./table.js";
import { startTargets } from "./targets.js";

const CONCURRENCY = 32;
const WARM_UP_MS = 3_000;
const LOAD_MS = 8_000;

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
  const profiles = new ProfileFolder();
  progress("starting");
  const hearthFlags = { [program]: profiles.flags };
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
  if (keep !== undefined) profiles.keep(keep);
  const cpuMicros = (program === "coordinator" ? sample.frontCpuMicros : sample.backCpuMicros) ?? Number.NaN;
  return [
    `# Profile of the ${program}, ${stream ? "stream" : "non-stream"}, concurrency ${CONCURRENCY}: ${figure(cpuMicros, 0)} µs CPU a request while profiled, ${figure(sample.requestsPerSecond, 0)} req/s`,
    ...profileTables(profiles.summary(from, to), cpuMicros, "µs/req"),
  ].join("\n\n");
}
