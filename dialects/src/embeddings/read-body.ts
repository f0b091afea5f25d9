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

/** What was asked of an embeddings backend. */
export interface AskedEmbeddings {
  /** Vectors: an answer with another number of them is no answer. */
  readonly count: number;
  /** Numbers in each of them; absent = as many as the model makes. */
  readonly dimensions?: number | undefined;
}

/**
 * Reads the one body that an embeddings backend answers with. Most servers know nothing of `dimensions` and make vectors
 * of the model's own size: who asked for another would find that out where they are stored. That is told as the refusal
 * which it ought to have been.
 */
export function readEmbeddings(data: string, { count, dimensions }: AskedEmbeddings): EventReading {
  const parsed = parseProviderJson(data);
  if (!isObject(parsed)) return { kind: "malformed" };
  const { error } = parsed;
  if (error !== undefined && error !== null) return errorReading(error);
  const { data: vectors } = parsed as Partial<BackendEmbeddings>;
  const isWhole = Array.isArray(vectors) && vectors.length === count && vectors.every(isEmbedding);
  if (!isWhole) return { kind: "malformed" };
  const other = vectors.map(sizeOf).find((size) => size !== (dimensions ?? size));
  if (other !== undefined) return errorReading(sizeError(other));
  return { kind: "content", parsed, finishes: true, generates: true };
}

const FLOAT_BYTES = 4;

const sizeOf = ({ embedding }: BackendEmbedding): number =>
  typeof embedding === "string" ? Math.floor(Buffer.from(embedding, "base64").length / FLOAT_BYTES) : embedding.length;

function sizeError(dimensions: number): object {
  return {
    message: `The embeddings of this model have ${dimensions} dimensions here, and no other number of them.`,
    type: "invalid_request_error",
    param: "dimensions",
    code: null,
  };
}

function isEmbedding(value: unknown): boolean {
  const { embedding } = (value ?? {}) as Partial<BackendEmbedding>;
  if (typeof embedding === "string") return embedding !== "";
  return Array.isArray(embedding) && embedding.length > 0 && embedding.every((each) => typeof each === "number");
}
