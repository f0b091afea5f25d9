import type { ResponseOpener } from "@hearth/e2e";
import { SealedTransportError } from "./error.js";
import { openChunk, readHead } from "./open-chunk.js";

/** An answer that came whole. */
export interface WholeAnswer {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** @throws SealedTransportError `malformed_answer`, `tampered_answer` */
export function openWhole(answer: ResponseOpener, status: number, text: string): WholeAnswer {
  const chunks = readChunks(text);
  const parts = chunks.map((chunk, seq) => openChunk(answer, { seq, final: seq === chunks.length - 1, text: chunk }));
  const [head, ...rest] = parts;
  if (head === undefined) throw new SealedTransportError("malformed_answer", "The answer has no chunks.");
  return { contentType: readHead(head, status).contentType, body: joined(rest) };
}

function readChunks(text: string): readonly string[] {
  let chunks: unknown;
  try {
    chunks = (JSON.parse(text) as { readonly chunks?: unknown } | null)?.chunks;
  } catch {
    // What is no JSON has no chunks either.
  }
  if (Array.isArray(chunks) && chunks.every((chunk) => typeof chunk === "string")) return chunks;
  throw new SealedTransportError("malformed_answer", "The answer is not a sealed one, though it says so.");
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
