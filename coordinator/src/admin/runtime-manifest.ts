import type { ManifestKeeper } from "../fleet/trust/manifest-keeper.js";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";
import { HearthError } from "../platform/errors.js";

/** Bytes of a manifest at most. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Replaces the list of known good programs, templates and weights. Every connected machine is judged by it at once.
 *
 * @throws HearthError `invalid_request` that names the first member at fault
 */
export async function replaceManifest(keeper: ManifestKeeper, body: Buffer): Promise<RuntimeManifest> {
  const manifest = readManifest(body);
  await keeper.replace(manifest);
  return manifest;
}

function readManifest(body: Buffer): RuntimeManifest {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw new HearthError("invalid_request", "The body is not valid JSON.");
  }
  const parsed = runtimeManifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.join(".") ?? "";
  throw new HearthError("invalid_request", `${param === "" ? "The manifest" : param}: ${issue?.message}`, { param });
}
