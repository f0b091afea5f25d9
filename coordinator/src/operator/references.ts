import type { RuntimeManifest } from "../fleet/trust/runtime-manifest.js";
import type { PriceSettings } from "../ledger/price-list.js";
import { isVersionBelow } from "../platform/versions.js";
import type { Catalog } from "../selection/catalog.js";
import type { Problem } from "./settings-error.js";

interface References {
  readonly catalog: Catalog;
  readonly prices: Pick<PriceSettings, "models">;
  readonly manifest: RuntimeManifest;
}

/** What one part of the operator's document says that another makes impossible or meaningless, in words for him. */
export function problemsOf({ catalog, prices, manifest }: References): Problem[] {
  return [
    ...aliasProblems(catalog),
    ...onlyAliases(catalog, prices.models.keys()).map((name) => ({
      path: "prices.models",
      message: `'${name}' is an alias, and answers are given by builds; name those`,
    })),
    ...ruleProblems(catalog),
    ...manifestProblems(catalog, manifest),
  ];
}

/** Of these names those that are aliases and no build as well. */
function onlyAliases({ aliases }: Pick<Catalog, "aliases">, names: Iterable<string>): string[] {
  return [...names].filter((name) => {
    const alias = aliases.get(name);
    return alias !== undefined && alias.desired !== name && alias.previous !== name;
  });
}

function aliasProblems({ aliases }: Catalog): Problem[] {
  return [...aliases].flatMap(([name, { desired, previous }]) => {
    // An alias may have the name of one of its builds; builds are never looked up as aliases.
    const others = [desired, previous].filter((build) => build !== undefined && build !== name && aliases.has(build));
    return [
      ...(desired === previous ? ["'previous' is the build that is desired anyway"] : []),
      ...others.map((build) => `'${build}' is an alias itself; name the build that it stands for`),
    ].map((message) => ({ path: `aliases.${name}`, message }));
  });
}

/** A name is served by its builds, which other names may share: only those can have floors. */
function ruleProblems(catalog: Catalog): Problem[] {
  return onlyAliases(catalog, catalog.rules.keys()).flatMap((name) => {
    const rule = catalog.rules.get(name);
    const hasFloors = rule?.trustMinimum !== "none" || Object.keys(rule.versionFloors).length > 0;
    if (!hasFloors) return [];
    return [{ path: `model_rules.${name}`, message: "is an alias, and only builds have floors; name those" }];
  });
}

function manifestProblems(catalog: Catalog, { models, update }: RuntimeManifest): Problem[] {
  const unmatched = onlyAliases(catalog, Object.keys(models));
  const floors = Object.entries(catalog.versionFloors).filter(
    ([, floor]) => update !== undefined && isVersionBelow(update.latest_version, floor),
  );
  return [
    ...unmatched.map((model) => ({
      path: "manifest.models",
      message: `'${model}' is an alias, and agents report builds; name those`,
    })),
    ...floors.map(([trait, floor]) => ({
      path: "manifest.update",
      message: `${update?.latest_version} is below version_floors.${trait} (${floor}), so that no update would help`,
    })),
  ];
}
