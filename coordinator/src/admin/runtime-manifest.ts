import { readJson } from "../api/check-body.js";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";

/** Bytes of a manifest at most. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** What the operator has said, as far as the admin API shows and changes it. */
export interface AdminDocument {
  readonly current: { readonly manifest: RuntimeManifest };
  /** @throws HearthError `invalid_request` when it does not fit to the rest */
  replaceManifest(manifest: RuntimeManifest): Promise<void>;
}

/**
 * Replaces the list of known good programs, templates and weights. Every connected machine is judged by it at once.
 *
 * @throws HearthError `invalid_request` that names the first member at fault
 */
export async function replaceManifest(document: AdminDocument, body: Buffer): Promise<RuntimeManifest> {
  const manifest = readJson(runtimeManifestSchema, body);
  await document.replaceManifest(manifest);
  return manifest;
}
