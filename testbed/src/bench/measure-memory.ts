import { rssBytes } from "./cpu.js";
import type { Job } from "./job.js";
import { openConnections, runLoad } from "./loader.js";
import { refuseProblems } from "./measure-load.js";
import { median, type Point, slope } from "./statistics.js";
import type { Target } from "./targets.js";

const CONCURRENCY = 32;
const STEPS = 50;

/** Memory of a front process over many requests. */
export interface MemorySample {
  readonly requests: number;
  /** `x` requests so far, `y` resident bytes. */
  readonly points: readonly Point[];
  /** Bytes a request over the second half. A heap that is collected now and then swings by some 100. */
  readonly slopeBytes: number;
  /** The median of the last fifth ÷ that of the second: when caches and heap have found their size, 1 is flat. */
  readonly growth: number;
}

/** What the points of a run say. */
export function memorySample(points: readonly Point[]): MemorySample {
  const bytes = points.map((point) => point.y);
  const fifth = Math.floor(points.length / 5);
  return {
    requests: points.at(-1)?.x ?? 0,
    points,
    slopeBytes: slope(points.slice(points.length >> 1)),
    growth: median(bytes.slice(-fifth)) / median(bytes.slice(fifth, 2 * fifth)),
  };
}

/**
 * Streamed and plain requests in turn.
 *
 * @throws Error when an answer was broken
 */
export async function measureMemory(target: Target, jobs: readonly Job[], requests: number): Promise<MemorySample> {
  const { front } = target;
  if (front === undefined) throw new Error(`${target.name} has no front process`);
  const connections = await openConnections(target.port, CONCURRENCY);
  const perStep = Math.ceil(requests / STEPS);
  const points: Point[] = [];
  for (let step = 1; step <= STEPS; step += 1) {
    const { problems } = await runLoad({ connections, jobs, until: { requests: perStep } });
    refuseProblems(target, problems);
    points.push({ x: step * perStep, y: rssBytes(front.pid) });
  }
  for (const connection of connections) connection.close();
  return memorySample(points);
}
