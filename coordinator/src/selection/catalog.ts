import type { TrustLevel } from "@hearth/protocol";

/** What the operator has said about models, as one validated file says it (`settings.ts`). */
export interface Catalog {
  /** Models that exist although nobody may be serving them now. */
  readonly models: ReadonlySet<string>;
  /** A public name that stands for a build, and the build to use while nobody can serve that one. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Least agent version a request with this trait may go to, `major.minor.patch`. */
  readonly versionFloors: Readonly<Partial<Record<FloorTrait, string>>>;
  readonly trustMinimum: TrustLevel;
}

export interface Alias {
  readonly desired: string;
  readonly previous: string | undefined;
  /** How long a request for it waits for its first content, ms; absent = as long as the operator lets any. */
  readonly patienceMs?: number | undefined;
}

export type FloorTrait = "base" | "tools" | "vision";

/** An operator who says nothing gets this. */
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
