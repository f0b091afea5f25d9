import { Connection } from "./exchange.js";
import type { Job } from "./job.js";

/** A closed loop: every connection sends its next request when it has its answer. */
export interface Load {
  readonly connections: readonly Connection[];
  /** Sent in turn. */
  readonly jobs: readonly Job[];
  /** What ends the load: nothing new is started after it, and what runs is awaited. */
  readonly until: TimedEnd | { readonly requests: number };
}

/** So long, and until so many requests have begun: on a machine that is busy with others, a time alone is few of them. */
export interface TimedEnd {
  readonly elapsedMs: number;
  readonly atLeast?: number;
}

/** What a load measured. The arrays hold one entry for each complete answer, ms. */
export interface LoadResult {
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
  readonly firstContentMs: readonly number[];
  /** One entry for each broken answer. */
  readonly problems: readonly string[];
}

/** Connections are opened before a measurement, so that it does not count them. */
export function openConnections(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port)));
}

/**
 * Runs a load. A connection whose answer was broken stops, so that a broken server ends the load instead of
 * spinning in it.
 */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { connections, jobs, until } = load;
  const latenciesMs: number[] = [];
  const firstContentMs: number[] = [];
  const problems: string[] = [];
  const startedAt = performance.now();
  let started = 0;
  const more = (): boolean =>
    "requests" in until
      ? started < until.requests
      : performance.now() - startedAt < until.elapsedMs || started < (until.atLeast ?? 0);

  const drive = async (connection: Connection): Promise<void> => {
    while (more()) {
      const job = jobs[started % jobs.length] as Job;
      started += 1;
      const exchange = await connection.exchange(job);
      if (exchange.problem !== undefined) {
        problems.push(exchange.problem);
        return;
      }
      latenciesMs.push(exchange.latencyMs);
      firstContentMs.push(exchange.firstContentMs);
    }
  };
  await Promise.all(connections.map(drive));
  return { elapsedMs: performance.now() - startedAt, latenciesMs, firstContentMs, problems };
}
