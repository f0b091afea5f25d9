/** One sample of a metric. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus' text format, of the metrics that are named only. What is no number is left out. */
export function readMetrics(text: string, names: ReadonlySet<string>): ReadonlyMap<string, readonly MetricSample[]> {
  const metrics = new Map<string, MetricSample[]>();
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    const name = match?.[1];
    if (match === null || name === undefined || !names.has(name)) continue;
    const value = Number(match[3]);
    if (!Number.isFinite(value)) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(LABEL)].map(([, key, text]) => [key, text]));
    const samples = metrics.get(name) ?? [];
    samples.push({ labels, value });
    metrics.set(name, samples);
  }
  return metrics;
}

/** The sum over all samples, or over those that carry no other value of the label. @returns `undefined` without one */
export function total(
  samples: readonly MetricSample[] | undefined,
  label?: { readonly name: string; readonly value: string },
): number | undefined {
  const chosen = (samples ?? []).filter(
    ({ labels }) => label === undefined || (labels[label.name] ?? label.value) === label.value,
  );
  return chosen.length === 0 ? undefined : chosen.reduce((sum, { value }) => sum + value, 0);
}
