import type { RuntimeManifest } from "../fleet/trust/runtime-manifest.js";
import { isVersionBelow } from "../platform/versions.js";
import type { Catalog } from "../selection/catalog.js";

interface References {
  readonly catalog: Catalog;
  readonly manifest: RuntimeManifest;
}

/** What one part of the operator's document says that another makes impossible or meaningless, in words for him. */
export function problemsOf({ catalog, manifest }: References): string[] {
  return [...aliasProblems(catalog), ...manifestProblems(catalog, manifest)];
}

function aliasProblems({ aliases }: Catalog): string[] {
  return [...aliases].flatMap(([name, { desired, previous }]) => [
    ...(desired === previous ? [`aliases.${name}: 'previous' is the build that is desired anyway`] : []),
    // An alias may have the name of one of its builds; builds are never looked up as aliases.
    ...[desired, previous]
      .filter((build) => build !== undefined && build !== name && aliases.has(build))
      .map((build) => `aliases.${name}: '${build}' is an alias itself; name the build that it stands for`),
  ]);
}

function manifestProblems({ aliases, versionFloors }: Catalog, { models, update }: RuntimeManifest): string[] {
  const unmatched = Object.keys(models).filter((model) => {
    const alias = aliases.get(model);
    return alias !== undefined && alias.desired !== model && alias.previous !== model;
  });
  const floors = Object.entries(versionFloors).filter(
    ([, floor]) => update !== undefined && isVersionBelow(update.latest_version, floor),
  );
  return [
    ...unmatched.map((model) => `manifest.models: '${model}' is an alias, and agents report builds; name those`),
    ...floors.map(
      ([trait, floor]) =>
        `manifest.update: ${update?.latest_version} is below version_floors.${trait} (${floor}), so that no update would help`,
    ),
  ];
}
