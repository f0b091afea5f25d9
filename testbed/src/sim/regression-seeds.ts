import type { ThemeName } from "./themes.js";

/** A seed that has failed once. */
export interface RegressionSeed {
  readonly seed: number;
  /** What the scenario leaned towards, where chance had not decided that. */
  readonly theme?: ThemeName;
  readonly was: string;
}

/** What was wrong with them. A change of what is drawn from a seed takes their point away. */
export const REGRESSION_SEEDS: readonly RegressionSeed[] = [
  { seed: 120, theme: "crowd", was: "newcomers overtook those who waited when room came with time alone" },
  { seed: 65, was: "who was looked for in the place of a late attempt ran beside it when that one moved again" },
  { seed: 15, was: "what an attempt had cost was forgotten when another that was being written had beaten it" },
  { seed: 56, was: "an attempt ran beside another on a build that others waited for" },
  { seed: 2422, was: "an invariant had no second for room that comes with time alone" },
  { seed: 1869, theme: "ailing", was: "an invariant took the attempt that was sent last for the one that failed last" },
];
