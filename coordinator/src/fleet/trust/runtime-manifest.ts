import {
  heartbeatAckSchema,
  type ModelAdvert,
  type RuntimeMismatch,
  type RuntimeStatusFrame,
  type UpdateNotice,
} from "@hearth/protocol";
import { z } from "zod";
import { isVersionBelow } from "../../platform/versions.js";

const hash = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256, 64 hex digits");
const hashes = z.array(hash).max(64).default([]);

const version = z.string().regex(/^\d+\.\d+\.\d+$/, "must be major.minor.patch");
const { url } = heartbeatAckSchema.shape.update.unwrap().shape;

/** The operator's list of known good programs, templates and weights. What it is silent about is not checked. */
export const runtimeManifestSchema = z.strictObject({
  /** Hashes of agent programs; with at least one, every agent must attest and run one of them. */
  binaries: hashes,
  /** Least version of the agent's program, `major.minor.patch`. */
  minimum_version: version.optional(),
  /** The newest program, and where to get it: told to machines that run an older one, and required of none by itself. */
  update: z.strictObject({ latest_version: version, url }).optional(),
  /** By model id; a model with at least one hash is served only by machines that report one of them. */
  models: z
    .record(z.string().min(1).max(128), z.strictObject({ weights: hashes, templates: hashes }))
    .refine((models) => Object.keys(models).length <= 1_000, "at most 1,000 models")
    .default({}),
});

export type RuntimeManifest = z.infer<typeof runtimeManifestSchema>;

/** An operator who says nothing gets this: nothing is checked. */
export const EMPTY_MANIFEST: RuntimeManifest = { binaries: [], models: {} };

/** What a machine says that it runs. */
export interface RuntimeReport {
  readonly binaryHash: string | undefined;
  readonly agentVersion: string;
  readonly models: Iterable<ModelAdvert>;
}

/** Everything that is not on the list; what is listed and not reported does not match. */
export function mismatchesOf(manifest: RuntimeManifest, report: RuntimeReport): RuntimeMismatch[] {
  const mismatches: RuntimeMismatch[] = [];
  const compare = (
    expected: readonly string[],
    actual: string | undefined,
    of: Pick<RuntimeMismatch, "component" | "model">,
  ) => {
    if (expected.length === 0 || (actual !== undefined && expected.includes(actual))) return;
    mismatches.push({ ...of, expected: [...expected], ...(actual === undefined ? {} : { actual }) });
  };
  compare(manifest.binaries, report.binaryHash, { component: "binary" });
  const { minimum_version: floor } = manifest;
  if (floor !== undefined && isVersionBelow(report.agentVersion, floor)) {
    mismatches.push({ component: "version", expected: [`>=${floor}`], actual: report.agentVersion });
  }
  for (const { id: model, weights_hash: weights, template_hash: template } of report.models) {
    const listed = Object.hasOwn(manifest.models, model) ? manifest.models[model] : undefined;
    compare(listed?.weights ?? [], weights, { component: "weights", model });
    compare(listed?.templates ?? [], template, { component: "template", model });
  }
  return mismatches;
}

/** What a machine of this version is told of a newer program; `undefined` = nothing. */
export function updateNotice(
  { update, minimum_version: floor }: RuntimeManifest,
  agentVersion: string,
): UpdateNotice | undefined {
  if (update === undefined || !isVersionBelow(agentVersion, update.latest_version)) return undefined;
  return { ...update, required: floor !== undefined && isVersionBelow(agentVersion, floor) };
}

/** What is held against one machine now. */
export class RuntimeVerdict {
  #mismatches: readonly RuntimeMismatch[] = [];

  /** @returns what to tell the machine, when it is not what it was told before */
  judge(manifest: RuntimeManifest, report: RuntimeReport): Omit<RuntimeStatusFrame, "type"> | undefined {
    const mismatches = mismatchesOf(manifest, report);
    const isSame = JSON.stringify(mismatches) === JSON.stringify(this.#mismatches);
    this.#mismatches = mismatches;
    return isSame ? undefined : { verified: mismatches.length === 0, mismatches };
  }

  /** A wrong program serves nothing; a wrong model only what it is. */
  isUnverified(model: string): boolean {
    return this.#mismatches.some((mismatch) => mismatch.model === undefined || mismatch.model === model);
  }
}
