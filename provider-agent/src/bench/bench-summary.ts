import type { ModelBench } from "./run-bench.js";

/** One line about a model. What could not be measured is `undefined`. */
export interface BenchSummary {
  readonly model: string;
  readonly backend: string;
  readonly prefillTokensPerSecond: number | undefined;
  readonly decodeTokensPerSecond: number | undefined;
  /** With the smallest prompts: what even a short question waits for. */
  readonly firstTokenMs: number | undefined;
  /** What did not work; with figures, only a part of it did not. */
  readonly problem: string | undefined;
}

/** The medians. */
export function summaryOf({ model, backend, findings }: ModelBench): BenchSummary {
  const figures = findings.type === "measured" ? findings.figures : undefined;
  return {
    model,
    backend,
    prefillTokensPerSecond: figures?.prefillTps?.median,
    decodeTokensPerSecond: figures?.decodeTps?.median,
    firstTokenMs: figures?.firstToken[0]?.ms.median,
    problem: findings.problem,
  };
}
