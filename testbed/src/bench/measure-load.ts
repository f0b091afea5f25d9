import { cpuMicros, rssBytes } from "./cpu.js";
import type { BeginCount } from "./instructions.js";
import type { Job } from "./job.js";
import { openConnections, runLoad, type TimedEnd } from "./loader.js";
import { percentile } from "./statistics.js";
import type { Target } from "./targets.js";

/** One target in one scenario and round. */
export interface LoadSample {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly firstContentP50Ms: number;
  readonly firstContentP99Ms: number;
  /** CPU of the front process a request, µs; absent for `direct`. */
  readonly frontCpuMicros?: number;
  /** The same of its counterpart, where there is one. */
  readonly backCpuMicros?: number;
  readonly frontRssBytes?: number;
  /** Instructions of either a request, where they can be counted. */
  readonly frontInstructions?: number;
  readonly backInstructions?: number;
}

/** How much is asked of a target at once, and for how long. */
export interface LoadOptions extends TimedEnd {
  readonly concurrency: number;
  /** Counts instructions beside; absent = they are not counted. */
  readonly instructions?: BeginCount | undefined;
}

/** @throws Error when an answer was broken: a figure for broken answers is worse than none */
export async function measureLoad(target: Target, job: Job, options: LoadOptions): Promise<LoadSample> {
  const connections = await openConnections(target.port, options.concurrency);
  const pids = [target.front?.pid, target.back?.pid];
  const counts = await Promise.all(pids.map((pid) => (pid === undefined ? undefined : options.instructions?.(pid))));
  const before = pids.map((pid) => pid && cpuMicros(pid));
  const result = await runLoad({ connections, jobs: [job], until: options });
  const after = pids.map((pid) => pid && cpuMicros(pid));
  const instructions = await Promise.all(counts.map((count) => count?.stop()));
  for (const connection of connections) connection.close();
  refuseProblems(target, result.problems);
  const requests = result.latenciesMs.length;
  const [frontCpuMicros, backCpuMicros] = pids.map((_, index) => {
    const [from, to] = [before[index], after[index]];
    return from === undefined || to === undefined ? undefined : (to - from) / requests;
  });
  return {
    requests,
    requestsPerSecond: (requests * 1000) / result.elapsedMs,
    latencyP50Ms: percentile(result.latenciesMs, 0.5),
    latencyP99Ms: percentile(result.latenciesMs, 0.99),
    firstContentP50Ms: percentile(result.firstContentMs, 0.5),
    firstContentP99Ms: percentile(result.firstContentMs, 0.99),
    ...(frontCpuMicros === undefined ? {} : { frontCpuMicros }),
    ...(backCpuMicros === undefined ? {} : { backCpuMicros }),
    ...(target.front === undefined ? {} : { frontRssBytes: rssBytes(target.front.pid) }),
    ...perRequest("frontInstructions", instructions[0], requests),
    ...perRequest("backInstructions", instructions[1], requests),
  };
}

function perRequest(
  name: "frontInstructions" | "backInstructions",
  count: number | undefined,
  requests: number,
): Partial<LoadSample> {
  return count === undefined ? {} : { [name]: count / requests };
}

/** @throws Error that counts the problems by kind */
export function refuseProblems(target: Target, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const counts = new Map<string, number>();
  for (const problem of problems) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  const list = [...counts].map(([problem, count]) => `${count} × ${problem}`).join(", ");
  const process = target.front?.ended() ?? target.back?.ended();
  throw new Error(`${target.name}: broken answers: ${list}${process === undefined ? "" : `\n${process}`}`);
}
