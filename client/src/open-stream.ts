import type { ResponseOpener } from "@hearth/e2e";
import { SealedTransportError } from "./error.js";
import { EventBlocks } from "./event-blocks.js";
import { openChunk, readHead, type TravellingChunk } from "./open-chunk.js";

type ByteTransform = TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>;

/**
 * Opens a sealed event stream into the events that it carries. Whatever stands in comments outside the
 * seal, all that goes through is that there was one: it keeps the connection alive. The stream fails with a SealedTransportError: `malformed_answer`, `tampered_answer`, and
 * `truncated_answer` where it ends before its last event.
 */
export function openStream(answer: ResponseOpener, status: number): ByteTransform {
  const decoder = new TextDecoder();
  const blocks = new EventBlocks();
  return new TransformStream({
    transform(piece, controller) {
      for (const block of blocks.push(decoder.decode(piece, { stream: true }))) {
        const opened = openBlock(answer, block, status);
        if (opened.length > 0) controller.enqueue(opened);
      }
    },
    flush() {
      if (!answer.finished) throw new SealedTransportError("truncated_answer", "The answer was cut short.");
    },
  });
}

function openBlock(answer: ResponseOpener, block: string, status: number): Uint8Array<ArrayBuffer> {
  // A carriage return ends a line as well: what stands behind one would be an event of its own for whoever reads on.
  if (/[\r]/.test(block)) throw new SealedTransportError("malformed_answer", "The answer has foreign line ends.");
  if (block.startsWith(":") && !block.includes("\n")) return new TextEncoder().encode(": keep-alive\n\n");
  const chunk = readEvent(block);
  const opened = openChunk(answer, chunk);
  if (chunk.seq > 0) return new Uint8Array(opened);
  readHead(opened, status);
  return new Uint8Array(0);
}

function readEvent(block: string): TravellingChunk {
  let event: Partial<Record<"s" | "f" | "c", unknown>> | null = null;
  try {
    if (block.startsWith("data: ")) event = JSON.parse(block.slice(6));
  } catch {
    // Told below.
  }
  const { s, f, c } = event ?? {};
  if (typeof s === "number" && typeof f === "boolean" && typeof c === "string") return { seq: s, final: f, text: c };
  throw new SealedTransportError("malformed_answer", "An event of the answer is not a sealed one.");
}
