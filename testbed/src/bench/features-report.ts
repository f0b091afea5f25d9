import type { LoadSample } from "./measure-load.js";
import { type Scenario, scenarioName } from "./plan.js";
import { median, percentile } from "./statistics.js";
import { figure, markdownTable } from "./table.js";

/** One variant: its samples by scenario, one for each round. */
export interface FeatureResult {
  readonly name: string;
  readonly rounds: readonly LoadSample[][];
}

type Figure = "frontCpuMicros" | "backCpuMicros" | "frontInstructions" | "backInstructions";

/** A table of what each variant costs, and by how much that differs from the first. */
export function featuresReport(scenarios: readonly Scenario[], results: readonly FeatureResult[]): string {
  const [base] = results;
  const counted = base?.rounds.flat().some(({ frontInstructions }) => frontInstructions !== undefined) ?? false;
  const header = ["concurrency, variant", "coordinator µs/req", "difference", "agent µs/req", "difference"];
  const more = ["coordinator kinstr/req", "difference", "agent kinstr/req", "difference"];
  const rows = scenarios.flatMap((scenario, at) =>
    results.map(({ name, rounds }) => {
      const cells = (key: Figure, scale = 1): readonly string[] =>
        cellsOf(rounds[at], base?.rounds[at], (sample) => sample[key] && sample[key] / scale);
      const instructions = counted ? [...cells("frontInstructions", 1_000), ...cells("backInstructions", 1_000)] : [];
      return [
        `${scenarioName(scenario)}, ${name}`,
        ...cells("frontCpuMicros"),
        ...cells("backCpuMicros"),
        ...instructions,
      ];
    }),
  );
  return [
    "# What features cost",
    `CPU time of each program a request, medians of ${base?.rounds[0]?.length ?? 0} rounds. A difference is to what the same round has measured of Hearth as it is: its median, and the middle half of the rounds in brackets. What is less than that half is wide is no difference.`,
    ...(counted
      ? []
      : ["Instructions are not available on this machine, as `perf stat -e instructions:u` counts none."]),
    markdownTable(counted ? [...header, ...more] : header, rows),
  ].join("\n\n");
}

/** The figure, and its difference to the base of the same rounds. */
function cellsOf(
  rounds: readonly LoadSample[] = [],
  base: readonly LoadSample[] = [],
  read: (sample: LoadSample) => number | undefined,
): readonly string[] {
  const values = rounds.flatMap((sample) => read(sample) ?? []);
  if (values.length === 0) return ["–", "–"];
  const differences = rounds.flatMap((sample, round) => {
    const [now, before] = [read(sample), base[round] && read(base[round])];
    return now === undefined || before === undefined ? [] : [now - before];
  });
  return [figure(median(values), 0), rounds === base ? "–" : spread(differences)];
}

function spread(differences: readonly number[]): string {
  if (differences.length === 0) return "–";
  const [least, middle, most] = [percentile(differences, 0.25), median(differences), percentile(differences, 0.75)];
  return `${signed(middle)} (${signed(least)} … ${signed(most)})`;
}

const signed = (value: number): string => `${Math.round(value) < 0 ? "−" : "+"}${figure(Math.abs(value), 0)}`;
