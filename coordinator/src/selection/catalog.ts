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
};

/** The builds a public name may be served by, best first. */
export function buildsOf(catalog: Catalog, name: string): readonly string[] {
  const alias = catalog.aliases.get(name);
  if (alias === undefined) return [name];
  return alias.previous === undefined ? [alias.desired] : [alias.desired, alias.previous];
}
