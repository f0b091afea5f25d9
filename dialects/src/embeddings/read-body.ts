import { errorReading } from "../error-status.js";
import type { EventReading } from "../kinds.js";
import { isObject, parseProviderJson } from "../provider-json.js";

/** A backend's answer, checked as far as Hearth relies on it. */
export interface BackendEmbeddings {
  readonly object?: unknown;
  readonly model?: unknown;
  readonly data: readonly BackendEmbedding[];
  readonly usage?: { readonly prompt_tokens?: unknown; readonly total_tokens?: unknown } | null;
}

export interface BackendEmbedding {
  readonly object?: unknown;
  readonly index?: unknown;
  /** Numbers, or little-endian 32-bit floats as base64. */
  readonly embedding: readonly number[] | string;
}

/**
 * Reads the one body that an embeddings backend answers with.
 *
 * @param count vectors that were asked for: an answer with another number of them is no answer
 */
export function readEmbeddings(data: string, count: number): EventReading {
  const parsed = parseProviderJson(data);
  if (!isObject(parsed)) return { kind: "malformed" };
  const { error } = parsed;
  if (error !== undefined && error !== null) return errorReading(error);
  const { data: vectors } = parsed as Partial<BackendEmbeddings>;
  const isWhole = Array.isArray(vectors) && vectors.length === count && vectors.every(isEmbedding);
  return isWhole ? { kind: "content", parsed, finishes: true, generates: true } : { kind: "malformed" };
}

function isEmbedding(value: unknown): boolean {
  const { embedding } = (value ?? {}) as Partial<BackendEmbedding>;
  if (typeof embedding === "string") return embedding !== "";
  return Array.isArray(embedding) && embedding.length > 0 && embedding.every((each) => typeof each === "number");
}
