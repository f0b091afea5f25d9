import { setTimeout as pause } from "node:timers/promises";
import { cpuMicros } from "./cpu.js";
import { pacedJob } from "./job.js";
import { openConnections } from "./loader.js";
import { refuseProblems } from "./measure-load.js";
import type { Paced } from "./plan.js";
import { ageOfStamp } from "./stamp.js";
import { percentile } from "./statistics.js";
import type { Pace } from "./stub.js";
import type { Target } from "./targets.js";

/** Streams start spread over this time, so that their chunks do not come in step, ms. */
const RAMP_MS = 600;
/** What is measured begins after all have started, and ends before the first ends, ms. */
const SETTLE_MS = 400;

/** Many slow streams through one target. */
export interface PacedSample {
  /** Chunks that arrived in the window. */
  readonly chunks: number;
  /** From the stub's write to the loader's hands, ms. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  /** CPU of the front process a chunk, µs; absent for `direct`. */
  readonly frontCpuMicros?: number;
}

type OnePace = Omit<Paced, "perSecond"> & Pick<Pace, "perSecond">;

/** @throws Error when a stream was broken */
export async function measurePaced(target: Target, paced: OnePace, apiKey: string): Promise<PacedSample> {
  const totalMs = RAMP_MS + SETTLE_MS + paced.windowMs + SETTLE_MS;
  const pace = { chunks: Math.ceil((totalMs * paced.perSecond) / 1000), perSecond: paced.perSecond };
  const job = pacedJob(pace, apiKey, target.endpoint);
  const connections = await openConnections(target.port, paced.streams);
  const delaysMs: number[] = [];
  let measuring = false;
  const take = (text: string): void => {
    if (measuring) delaysMs.push(ageOfStamp(text) / 1000);
  };
  const streams = connections.map(async (connection, index) => {
    await pause((index * RAMP_MS) / paced.streams);
    return await connection.exchange(job, take);
  });
  const cpu = (): number => (target.front === undefined ? 0 : cpuMicros(target.front.pid));
  await pause(RAMP_MS + SETTLE_MS);
  measuring = true;
  const before = cpu();
  await pause(paced.windowMs);
  measuring = false;
  const after = cpu();
  const exchanges = await Promise.all(streams);
  for (const connection of connections) connection.close();
  refuseProblems(
    target,
    exchanges.flatMap(({ problem }) => problem ?? []),
  );
  if (delaysMs.some(Number.isNaN)) throw new Error(`${target.name}: a paced chunk did not arrive as it was written`);
  return {
    chunks: delaysMs.length,
    delayP50Ms: percentile(delaysMs, 0.5),
    delayP99Ms: percentile(delaysMs, 0.99),
    ...(target.front === undefined ? {} : { frontCpuMicros: (after - before) / delaysMs.length }),
  };
}
