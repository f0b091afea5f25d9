import type { UsageBucket } from "../api/account-types.js";

export type UsageMeasure = "cost_micro_usd" | "requests" | "tokens";

export interface UsageSeries {
  readonly times: readonly number[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[]; readonly sum: number }[];
}

/** What is not among the largest is shown together. */
const OTHERS = "others";

const measureOf = (bucket: UsageBucket, measure: UsageMeasure): number =>
  measure === "tokens" ? bucket.prompt_tokens + bucket.completion_tokens : bucket[measure];

/**
 * Sums by time and name as lines of a chart: one value for each stretch, 0 where nothing was, the largest first.
 *
 * @param most lines at most; what is beyond goes into one of its own
 */
export function usageSeries(
  buckets: readonly UsageBucket[],
  nameOf: (bucket: UsageBucket) => string,
  measure: UsageMeasure,
  most: number,
): UsageSeries {
  const times = timesOf(buckets);
  const at = new Map(times.map((time, n) => [time, n]));
  const found = new Map<string, number[]>();
  for (const bucket of buckets) {
    const name = nameOf(bucket);
    const values = found.get(name) ?? times.map(() => 0);
    const n = at.get(bucket.start_time);
    if (n !== undefined) values[n] = (values[n] ?? 0) + measureOf(bucket, measure);
    found.set(name, values);
  }
  const all = [...found].map(([name, values]) => ({
    name,
    values,
    sum: values.reduce((sum, value) => sum + value, 0),
  }));
  all.sort((a, b) => b.sum - a.sum);
  if (all.length <= most) return { times, series: all };
  const rest = all.slice(most - 1);
  const values = times.map((_, n) => rest.reduce((sum, each) => sum + (each.values[n] ?? 0), 0));
  return {
    times,
    series: [...all.slice(0, most - 1), { name: OTHERS, values, sum: rest.reduce((sum, each) => sum + each.sum, 0) }],
  };
}

/** Every stretch from the first to the last, also those in which nothing was. */
function timesOf(buckets: readonly UsageBucket[]): readonly number[] {
  const [first] = buckets;
  if (first === undefined) return [];
  const width = Math.max(1, first.end_time - first.start_time);
  const starts = buckets.map(({ start_time }) => start_time);
  const from = Math.min(...starts);
  return Array.from({ length: Math.round((Math.max(...starts) - from) / width) + 1 }, (_, n) => from + n * width);
}
