import { buildsOf, type Catalog } from "./catalog.js";

/** Where a request may run, best first. Each entry gets its chance within the one patience. */
export interface RoutePlan {
  /** The name that was asked for. */
  readonly asked: string;
  /** The builds that it stands for, at least one. */
  readonly builds: readonly string[];
}

export function planFor(catalog: Catalog, asked: string): RoutePlan {
  return { asked, builds: buildsOf(catalog, asked) };
}

/** What has become of a plan so far, for the next step on it. */
export interface PlanProgress {
  /** The build of the latest attempt. */
  readonly current: string;
  readonly tried: ReadonlySet<string>;
  /** No attempt may follow the next one. */
  readonly last: boolean;
  /** Somebody has answered with the build not long ago: it is not the build that is broken. */
  readonly isProven: (build: string) => boolean;
}

/**
 * The builds that the next attempt may run on, best first: a failed one's own only where the build is known to work,
 * and before all others one that had no chance yet when there is no further attempt.
 */
export function nextBuilds({ builds }: RoutePlan, { current, tried, last, isProven }: PlanProgress): readonly string[] {
  if (builds.length === 1) return builds;
  const rest = builds.filter((build) => build !== current);
  const untried = rest.filter((build) => !tried.has(build));
  const others = rest.filter((build) => tried.has(build));
  const stays = !tried.has(current) || (!last && isProven(current));
  return stays ? [current, ...untried, ...others] : [...untried, current, ...others];
}
