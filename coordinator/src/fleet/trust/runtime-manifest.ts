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
  /** The newest program and where to get it. Machines with an older one are told, but need not update. */
  update: z.strictObject({ latest_version: version, url }).optional(),
  /** By model id; a model with at least one hash is served only by machines that report one of them. */
  models: z
    .record(z.string().min(1).max(128), z.strictObject({ weights: hashes, templates: hashes }))
    .refine((models) => Object.keys(models).length <= 1_000, "at most 1,000 models")
    .default({}),
});

export type RuntimeManifest = z.infer<typeof runtimeManifestSchema>;

/** The default: nothing is checked. */
export const EMPTY_MANIFEST: RuntimeManifest = { binaries: [], models: {} };

/** The operator's rules for a machine's programs, templates and weights. */
export interface RuntimeRules {
  readonly manifest: RuntimeManifest;
  /** The lowest allowed version of the agent, `major.minor.patch`; `undefined` = any. */
  readonly versionFloor: string | undefined;
}

/** The default: no rules. */
export const NO_RULES: RuntimeRules = { manifest: EMPTY_MANIFEST, versionFloor: undefined };

/** What a machine says that it runs. */
export interface RuntimeReport {
  readonly binaryHash: string | undefined;
  readonly agentVersion: string;
  readonly models: Iterable<ModelAdvert>;
}

/** All mismatches with the rules. A listed component that is not reported counts as one. */
export function mismatchesOf({ manifest, versionFloor }: RuntimeRules, report: RuntimeReport): RuntimeMismatch[] {
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
  if (versionFloor !== undefined && isVersionBelow(report.agentVersion, versionFloor)) {
    mismatches.push({ component: "version", expected: [`>=${versionFloor}`], actual: report.agentVersion });
  }
  for (const { id: model, weights_hash: weights, template_hash: template } of report.models) {
    const listed = Object.hasOwn(manifest.models, model) ? manifest.models[model] : undefined;
    compare(listed?.weights ?? [], weights, { component: "weights", model });
    compare(listed?.templates ?? [], template, { component: "template", model });
  }
  return mismatches;
}

/** The notice of a newer program for a machine of this version; `undefined` = none. */
export function updateNotice(
  { manifest: { update }, versionFloor: floor }: RuntimeRules,
  agentVersion: string,
): UpdateNotice | undefined {
  if (update === undefined || !isVersionBelow(agentVersion, update.latest_version)) return undefined;
  return { ...update, required: floor !== undefined && isVersionBelow(agentVersion, floor) };
}

/** The mismatches of one machine. */
export class RuntimeVerdict {
  #mismatches: readonly RuntimeMismatch[] = [];

  /** @returns the verdict to tell the machine, if it has changed */
  judge(rules: RuntimeRules, report: RuntimeReport): Omit<RuntimeStatusFrame, "type"> | undefined {
    const mismatches = mismatchesOf(rules, report);
    const isSame = JSON.stringify(mismatches) === JSON.stringify(this.#mismatches);
    this.#mismatches = mismatches;
    return isSame ? undefined : { verified: mismatches.length === 0, mismatches };
  }

  /** A wrong program affects all models, wrong weights or templates one. Old versions have a gate of their own. */
  isUnverified(model: string): boolean {
    return this.#mismatches.some(({ component, model: of }) =>
      component === "binary" ? true : component !== "version" && of === model,
    );
  }
}
