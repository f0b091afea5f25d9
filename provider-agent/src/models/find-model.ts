import type { ScannedModel } from "./scan-models.js";

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
