import type { Pace } from "./stub.js";

/** Concurrency and kind of request of one line of the table. */
export interface Scenario {
  readonly concurrency: number;
  readonly stream: boolean;
}

/** Slow streams, many at a time. */
export interface Paced {
  readonly streams: number;
  /** Chunks of each stream, by the second: measured one after the other. */
  readonly perSecond: readonly Pace["perSecond"][];
  readonly windowMs: number;
}

/** How much is measured. */
export interface Plan {
  readonly mode: "full" | "quick";
  /** Every round visits every target in every scenario. */
  readonly rounds: number;
  /** Of one target in one scenario and round, ms. */
  readonly loadMs: number;
  /** Requests of the same, at the least: CPU is counted in ticks of 10 ms, and of few requests it is too few ticks. */
  readonly leastRequests: number;
  /**
   * To each target, of each kind, before the first round. Counted, because it is calls that make V8 optimise a
   * function: equal times would leave the slower targets colder.
   */
  readonly warmUpRequests: number;
  readonly paced: Paced;
  readonly memoryRequests: number;
}

/** The lines of the table. */
export const SCENARIOS: readonly Scenario[] = [1, 32, 128].flatMap((concurrency) => [
  { concurrency, stream: false },
  { concurrency, stream: true },
]);

/** Some nine minutes. */
export const FULL_PLAN: Plan = {
  mode: "full",
  rounds: 5,
  loadMs: 2_000,
  leastRequests: 500,
  warmUpRequests: 10_000,
  paced: { streams: 600, perSecond: [20, 40], windowMs: 8_000 },
  memoryRequests: 100_000,
};

/** For a look, and to prove that the bench itself works. */
export const QUICK_PLAN: Plan = {
  mode: "quick",
  rounds: 3,
  loadMs: 350,
  leastRequests: 500,
  warmUpRequests: 2_000,
  paced: { streams: 600, perSecond: [20, 40], windowMs: 1_500 },
  memoryRequests: 4_000,
};

/** What a scenario is called in tables. */
export function scenarioName(scenario: Scenario): string {
  return `${scenario.concurrency} ${scenario.stream ? "stream" : "non-stream"}`;
}
