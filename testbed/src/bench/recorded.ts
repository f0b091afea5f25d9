import { SCENARIOS, scenarioName } from "./plan.js";
import { type Results, sampleOf } from "./results.js";

/** Over so many times what was recorded, the code has become slower: runs of one commit differ by less. */
const MAX_GROWTH = 1.5;

/** What an earlier run has measured, for later ones to be held against. */
export interface Recorded {
  /** By scenario: the coordinator's CPU a request as a multiple of the sealed floor's in the same run. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** One scenario, held against what was recorded of it. */
export interface Held {
  readonly isOver: boolean;
  readonly text: string;
}

/** The ratios of a run. Times differ from machine to machine; these do so much less. */
export function ratiosOf(results: Results): Recorded {
  const ratios = SCENARIOS.flatMap((scenario): readonly (readonly [string, number])[] => {
    const hearth = sampleOf(results, scenario, "hearth")?.frontCpuMicros;
    const sealed = sampleOf(results, scenario, "sealed")?.frontCpuMicros;
    if (hearth === undefined || sealed === undefined || sealed === 0) return [];
    return [[scenarioName(scenario), Math.round((hearth / sealed) * 100) / 100]];
  });
  return { ratios: Object.fromEntries(ratios) };
}

/** @throws Error for what is no record */
export function readRecorded(json: string): Recorded {
  const { ratios } = JSON.parse(json) as Partial<Recorded>;
  const all = Object.values(ratios ?? {});
  if (ratios === undefined || all.length === 0 || !all.every((ratio) => typeof ratio === "number" && ratio > 0)) {
    throw new Error("a record has a ratio above 0 for each scenario: write one with --record");
  }
  return { ratios };
}

/** Holds a run against a record. A scenario that either lacks is over: else nothing would be held. */
export function hold(results: Results, recorded: Recorded): readonly Held[] {
  const { ratios } = ratiosOf(results);
  return Object.entries(recorded.ratios).map(([name, before]) => {
    const now = ratios[name];
    if (now === undefined)
      return { isOver: true, text: `${name}: not measured; ${before} × the sealed floor is recorded` };
    const most = before * MAX_GROWTH;
    const text = `${name}: ${now.toFixed(2)} × the sealed floor; ${before.toFixed(2)} is recorded (at most ${most.toFixed(2)})`;
    return { isOver: now > most, text };
  });
}
