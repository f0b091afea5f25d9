import { readJson } from "../api/check-body.js";
import type { ManifestKeeper } from "../fleet/trust/manifest-keeper.js";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";

/** Bytes of a manifest at most. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Replaces the list of known good programs, templates and weights. Every connected machine is judged by it at once.
 *
 * @throws HearthError `invalid_request` that names the first member at fault
 */
export async function replaceManifest(keeper: ManifestKeeper, body: Buffer): Promise<RuntimeManifest> {
  const manifest = readJson(runtimeManifestSchema, body);
  await keeper.replace(manifest);
  return manifest;
}
