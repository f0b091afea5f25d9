import { type InspectedModel, inspectModel } from "./inspect-model.js";
import { type ScannedModel, type ScanOptions, type ScanProblem, scanModels } from "./scan-models.js";
import type { HashProgress, WeightsHash, WeightsHasher } from "./weights-hash.js";

/** A model on this machine's disk with what its files say. */
export interface ListedModel
  extends Pick<ScannedModel, "id" | "format" | "path" | "weightsBytes" | "vision">,
    Pick<InspectedModel, "architecture" | "quantization" | "contextLength" | "parameterCount"> {
  readonly parts: number;
  readonly templates: number;
  /** Where it was computed before and the files have not changed since. */
  readonly weightsHash: string | undefined;
}

export interface ModelList {
  readonly models: readonly ListedModel[];
  readonly problems: readonly ScanProblem[];
  readonly truncated: boolean;
}

/** Scans, and reads what is around the weights of each model. Never rejects. */
export async function listModels(options: ScanOptions, hasher: WeightsHasher): Promise<ModelList> {
  const { models: scanned, problems, truncated } = await scanModels(options);
  const models: ListedModel[] = [];
  const unreadable: ScanProblem[] = [];
  for (const found of scanned) {
    if (options.signal?.aborted) return { models, problems, truncated: true };
    const inspection = await inspectModel(found.path);
    switch (inspection.type) {
      case "model":
        models.push(listed(found, inspection.model, await hasher.known(inspection.model.files)));
        break;
      case "unreadable":
        unreadable.push({ path: found.path, problem: inspection.problem });
        break;
    }
  }
  return { models, problems: [...problems, ...unreadable], truncated };
}

export interface HashModelOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: HashProgress) => void;
}

/** Computes the hash of a model's weights, or finds it. Never rejects. */
export async function hashModel(path: string, hasher: WeightsHasher, options: HashModelOptions): Promise<WeightsHash> {
  const inspection = await inspectModel(path);
  if (inspection.type === "unreadable") return { type: "failed", problem: inspection.problem };
  return await hasher.hash(inspection.model.files, options.signal, options.onProgress);
}

function listed(found: ScannedModel, model: InspectedModel, weightsHash: string | undefined): ListedModel {
  const { id, format, path, weightsBytes, vision } = found;
  const { architecture, quantization, contextLength, parameterCount, files, templates } = model;
  return {
    ...{ id, format, path, weightsBytes, vision: vision || model.vision },
    ...{ architecture, quantization, contextLength, parameterCount },
    parts: files.length,
    templates: templates.templates.length,
    weightsHash,
  };
}

/**
 * The model on disk that a backend means by an id: its path, the id that the scan gave it, or the last part of one or
 * the other, whatever the case (LM Studio writes ids in lower case). Two that fit are none: a wrong
 * hash is worse than no hash.
 */
export function findModel(models: readonly ScannedModel[], modelId: string): ScannedModel | undefined {
  const exact = models.filter(({ id, path, files }) => id === modelId || path === modelId || files.includes(modelId));
  if (exact.length > 0) return exact.length === 1 ? exact[0] : undefined;
  const wanted = lastPart(modelId);
  const similar = models.filter(
    ({ id, format, path }) => lastPart(id) === wanted || (format === "gguf" && lastPart(path) === wanted),
  );
  return similar.length === 1 ? similar[0] : undefined;
}

function lastPart(text: string): string {
  const part = text.split(/[\\/]/).at(-1) ?? text;
  return part.replace(/\.gguf$/i, "").toLowerCase();
}
