import type { MemorySample } from "./measure-memory.js";
import { type PacedResult, type Results, sampleOf } from "./results.js";

/** What the coordinator's cost is held against. */
const AIMS = {
  /** Times the sealed floor of the same run, at concurrency 32. */
  sealedFloorRatio: 1.25,
  /** CPU of the front process a request at concurrency 32, µs. */
  wholeCpuMicros: 300,
  streamCpuMicros: 500,
  /** Added to the median time to first content at concurrency 1, ms. */
  addedFirstContentMs: 1.2,
  /** Added to the delay of a chunk of many paced streams, ms. */
  addedDelayP50Ms: 5,
  addedDelayP99Ms: 25,
  /** Growth of resident memory over the last three fifths of 100,000 requests that still counts as flat. */
  memoryGrowth: 1.1,
} as const;

/** Requests it takes before growth can be told from a heap that finds its size. */
const MEMORY_REQUESTS = 100_000;

/** One aim and what came of it. */
export interface Verdict {
  readonly state: "reached" | "missed" | "not judged";
  readonly text: string;
}

/** A line for each aim. A missed one is a finding, not an error. */
export function judge(results: Results): readonly Verdict[] {
  return [
    ...[false, true].flatMap((stream) => judgeCpu(results, stream)),
    judgeFirstContent(results),
    ...judgePaced(results),
    judgeMemory(results.memory.get("hearth")),
  ];
}

function judgeCpu(results: Results, stream: boolean): readonly Verdict[] {
  const scenario = { concurrency: 32, stream };
  const what = `coordinator CPU a ${stream ? "20-chunk stream" : "non-stream request"} at concurrency 32`;
  const hearth = sampleOf(results, scenario, "hearth")?.frontCpuMicros;
  const sealed = sampleOf(results, scenario, "sealed")?.frontCpuMicros;
  const limit = stream ? AIMS.streamCpuMicros : AIMS.wholeCpuMicros;
  if (hearth === undefined || sealed === undefined) return [{ state: "not judged", text: `${what}: not measured` }];
  const ratio = hearth / sealed;
  return [
    verdict(
      ratio <= AIMS.sealedFloorRatio,
      `${what}: ${ratio.toFixed(2)} × the sealed floor (aim: at most ${AIMS.sealedFloorRatio} ×)`,
    ),
    verdict(hearth <= limit, `${what}: ${hearth.toFixed(0)} µs (aim: at most ${limit} µs)`),
  ];
}

function judgeFirstContent(results: Results): Verdict {
  const what = "median time to first content added at concurrency 1";
  const scenario = { concurrency: 1, stream: true };
  const hearth = sampleOf(results, scenario, "hearth")?.firstContentP50Ms;
  const direct = sampleOf(results, scenario, "direct")?.firstContentP50Ms;
  if (hearth === undefined || direct === undefined) return { state: "not judged", text: `${what}: not measured` };
  const added = hearth - direct;
  const aim = AIMS.addedFirstContentMs;
  return verdict(added <= aim, `${what}: ${added.toFixed(2)} ms (aim: at most ${aim} ms)`);
}

function judgePaced({ paced, plan }: Results): readonly Verdict[] {
  return plan.paced.perSecond.map((perSecond) => {
    const what = `delay added to a chunk of ${plan.paced.streams} streams of ${perSecond} chunks/s`;
    return judgePace(what, paced.find((each) => each.perSecond === perSecond)?.samples);
  });
}

function judgePace(what: string, samples: PacedResult["samples"] | undefined): Verdict {
  const [hearth, direct] = [samples?.get("hearth"), samples?.get("direct")];
  if (hearth === undefined || direct === undefined) return { state: "not judged", text: `${what}: not measured` };
  const p50 = hearth.delayP50Ms - direct.delayP50Ms;
  const p99 = hearth.delayP99Ms - direct.delayP99Ms;
  const { addedDelayP50Ms: most50, addedDelayP99Ms: most99 } = AIMS;
  const text = `${what}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (aim: under ${most50} and ${most99} ms)`;
  return verdict(p50 < most50 && p99 < most99, text);
}

function judgeMemory(memory: MemorySample | undefined): Verdict {
  const what = "coordinator memory over 100,000 requests";
  if (memory === undefined) return { state: "not judged", text: `${what}: not measured` };
  if (memory.requests < MEMORY_REQUESTS) return { state: "not judged", text: `${what}: only ${memory.requests} sent` };
  const text = `${what}: its last fifth ${memory.growth.toFixed(2)} × its second (aim: at most ${AIMS.memoryGrowth} ×)`;
  return verdict(memory.growth <= AIMS.memoryGrowth, text);
}

function verdict(reached: boolean, text: string): Verdict {
  return { state: reached ? "reached" : "missed", text };
}
