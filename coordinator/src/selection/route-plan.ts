import { buildsOf, type Catalog, enabledBuildsOf } from "./catalog.js";

/** The builds that a request may run on, best first. All of them get their turn within the same patience. */
export interface RoutePlan {
  /** The name that was asked for. */
  readonly asked: string;
  /** The builds that the name stands for, at least one. */
  readonly builds: readonly string[];
}

/** Without builds that are switched off, unless all are: such a request is refused before it has a use for its plan. */
export function planFor(catalog: Catalog, asked: string): RoutePlan {
  const builds = enabledBuildsOf(catalog, asked);
  return { asked, builds: builds.length > 0 ? builds : buildsOf(catalog, asked) };
}

/** The state of a plan, from which its next step follows. */
export interface PlanProgress {
  /** The build of the latest attempt. */
  readonly current: string;
  readonly attempted: ReadonlySet<string>;
  /** The next attempt is the last one allowed. */
  readonly last: boolean;
  /** A provider has lately answered with the build, so the build itself is not broken. */
  readonly isProven: (build: string) => boolean;
}

/**
 * The builds that the next attempt may run on, best first. The build that has just failed is among them only if it is
 * known to work. If the next attempt is the last, builds without a turn so far come first.
 */
export function nextBuilds(
  { builds }: RoutePlan,
  { current, attempted, last, isProven }: PlanProgress,
): readonly string[] {
  if (builds.length === 1) return builds;
  const rest = builds.filter((build) => build !== current);
  const untried = rest.filter((build) => !attempted.has(build));
  const others = rest.filter((build) => attempted.has(build));
  const stays = !attempted.has(current) || (!last && isProven(current));
  return stays ? [current, ...untried, ...others] : [...untried, current, ...others];
}
