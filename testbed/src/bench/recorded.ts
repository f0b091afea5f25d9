import { scenarioName } from "./plan.js";
import type { Results, ScenarioResult } from "./results.js";
import { median } from "./statistics.js";

/** Over so many times what was recorded, the code has become slower: runs of one commit differ by less. */
const MAX_GROWTH = 1.5;

/** Below it a program sleeps between two requests, and what waking it costs goes by the machine and by what else it does. */
const LEAST_CONCURRENCY = 32;

/** How often what is over is measured again. */
const MORE_TIMES = 2;

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
export function ratiosOf({ scenarios }: Pick<Results, "scenarios">): Recorded {
  const ratios = scenarios.flatMap((each): readonly (readonly [string, number])[] => {
    const ratio = ratioOf(each);
    return ratio === undefined ? [] : [[scenarioName(each.scenario), Math.round(ratio * 100) / 100]];
  });
  return { ratios: Object.fromEntries(ratios) };
}

/**
 * The median over the rounds of what Hearth cost as a multiple of what the floor cost in the same round: what else the
 * machine did at that time, it did to both.
 */
function ratioOf({ scenario, rounds }: ScenarioResult): number | undefined {
  if (scenario.concurrency < LEAST_CONCURRENCY) return undefined;
  const sealed = rounds.get("sealed") ?? [];
  const ratios = (rounds.get("hearth") ?? []).flatMap(({ frontCpuMicros: hearth }, round) => {
    const floor = sealed[round]?.frontCpuMicros;
    return hearth === undefined || floor === undefined || floor === 0 ? [] : [hearth / floor];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/**
 * Has what is over measured again, for as many rounds as before, and once more where it still is: a busy minute of the
 * machine passes, and slower code stays so.
 *
 * @param measure adds rounds to what it is given
 */
export async function measureOverAgain(
  scenarios: readonly ScenarioResult[],
  recorded: Recorded,
  measure: (over: readonly ScenarioResult[]) => Promise<void>,
): Promise<void> {
  for (let time = 0; time < MORE_TIMES; time += 1) {
    const over = scenarios.filter((each) => {
      const [now, before] = [ratioOf(each), recorded.ratios[scenarioName(each.scenario)]];
      return now !== undefined && before !== undefined && now > before * MAX_GROWTH;
    });
    if (over.length === 0) return;
    await measure(over);
  }
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
export function hold(results: Pick<Results, "scenarios">, recorded: Recorded): readonly Held[] {
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
