import type { BackendEmbedding, BackendEmbeddings } from "@hearth/dialects";
import type { Usage } from "@hearth/protocol";
import type { Chunk } from "../../dispatch/types.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, Reply } from "../../request/consumer.js";
import type { EmbeddingRequest } from "./to-internal.js";

/** The vectors in the form that was asked for; the backend's own bytes where they are that already. */
export class EmbeddingReply implements Reply {
  readonly #request: EmbeddingRequest;
  readonly #consumer: Consumer;
  #answer: Chunk | undefined;

  constructor(request: EmbeddingRequest, consumer: Consumer) {
    this.#request = request;
    this.#consumer = consumer;
  }

  open(): void {}

  write(chunk: Chunk): undefined {
    this.#answer = chunk;
  }

  complete(usage: Usage): void {
    const answer = this.#answer as Chunk;
    const embeddings = answer.parsed as BackendEmbeddings;
    const isReady = !this.#request.base64 && isWellFormed(embeddings);
    this.#consumer.sendJson(isReady ? answer.bytes : this.#body(embeddings, usage));
  }

  fail(error: HearthError): void {
    this.#consumer.sendError(error);
  }

  #body({ data, model, usage }: BackendEmbeddings, counted: Usage): object {
    const prompt = countOf(usage?.prompt_tokens) ?? counted.prompt_tokens;
    return {
      object: "list",
      data: inOrder(data).map(({ embedding }, index) => ({
        object: "embedding",
        index,
        embedding: this.#request.base64 ? asBase64(embedding) : asNumbers(embedding),
      })),
      model: typeof model === "string" ? model : this.#request.model,
      usage: { prompt_tokens: prompt, total_tokens: countOf(usage?.total_tokens) ?? prompt },
    };
  }
}

function isWellFormed({ object, model, data, usage }: BackendEmbeddings): boolean {
  const isCounted = countOf(usage?.prompt_tokens) !== undefined && countOf(usage?.total_tokens) !== undefined;
  return object === "list" && typeof model === "string" && isCounted && data.every(isEntry);
}

function isEntry(entry: BackendEmbedding, position: number): boolean {
  return entry.object === "embedding" && entry.index === position && typeof entry.embedding !== "string";
}

/** By index where the backend numbered them; else as they came. */
function inOrder(data: readonly BackendEmbedding[]): readonly BackendEmbedding[] {
  const indices = new Set(data.map((entry) => entry.index));
  const isNumbered = data.every((_, position) => indices.has(position));
  return isNumbered ? data.toSorted((a, b) => (a.index as number) - (b.index as number)) : data;
}

const asBase64 = (vector: BackendEmbedding["embedding"]): string =>
  typeof vector === "string" ? vector : toBase64(vector);
const asNumbers = (vector: BackendEmbedding["embedding"]): readonly number[] =>
  typeof vector === "string" ? fromBase64(vector) : vector;
const countOf = (value: unknown): number | undefined => (Number.isInteger(value) ? (value as number) : undefined);

const FLOAT_BYTES = 4;

/** A vector as little-endian 32-bit floats in base64. */
function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * FLOAT_BYTES);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * FLOAT_BYTES);
  return bytes.toString("base64");
}

/** The numbers of a vector that came as little-endian 32-bit floats in base64. */
function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: Math.floor(bytes.length / FLOAT_BYTES) }, (_, index) =>
    bytes.readFloatLE(index * FLOAT_BYTES),
  );
}
