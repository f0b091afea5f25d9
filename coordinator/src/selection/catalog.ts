import type { TrustLevel } from "@hearth/protocol";

/** What the operator has said about models, as one validated file says it (`settings.ts`). */
export interface Catalog {
  /** Models that exist even while no provider serves them. */
  readonly models: ReadonlySet<string>;
  /** By public name: the build that it stands for, and the build to use while no provider can serve that one. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** The lowest agent version that gets requests with this trait, `major.minor.patch`. */
  readonly versionFloors: Readonly<Partial<Record<FloorTrait, string>>>;
  readonly trustMinimum: TrustLevel;
  /** By model: what holds for it beside what holds for all. */
  readonly rules: ReadonlyMap<string, ModelRule>;
}

/** What the operator has said of one model. Its floors are those of builds, and raise the general ones. */
export interface ModelRule {
  /** `false` = nobody gets it, by whatever name. */
  readonly enabled: boolean;
  readonly trustMinimum: TrustLevel;
  readonly versionFloors: Catalog["versionFloors"];
}

export interface Alias {
  readonly desired: string;
  readonly previous: string | undefined;
  /** How long a request for it waits for its first content, ms. Absent = as long as all requests. */
  readonly patienceMs?: number | undefined;
}

export type FloorTrait = "base" | "tools" | "vision";

/** The default: nothing is said about any model. */
export const DEFAULT_CATALOG: Catalog = {
  models: new Set(),
  aliases: new Map(),
  versionFloors: {},
  trustMinimum: "none",
  rules: new Map(),
};

/** The builds a public name may be served by, best first. */
export function buildsOf(catalog: Catalog, name: string): readonly string[] {
  const alias = catalog.aliases.get(name);
  if (alias === undefined) return [name];
  return alias.previous === undefined ? [alias.desired] : [alias.desired, alias.previous];
}

/** Of the builds that a name may be served by, those that are not switched off; none where the name itself is. */
export function enabledBuildsOf(catalog: Catalog, name: string): readonly string[] {
  const builds = buildsOf(catalog, name);
  if (catalog.rules.size === 0) return builds;
  return isSwitchedOff(catalog, name) ? [] : builds.filter((build) => !isSwitchedOff(catalog, build));
}

export const isSwitchedOff = ({ rules }: Pick<Catalog, "rules">, name: string): boolean =>
  rules.get(name)?.enabled === false;
