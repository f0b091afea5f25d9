import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

/**
 * The body of an answer without the compression that nobody asked for. It is read at the reader's pace, so that no more
 * than a few chunks of it are inflated at once, and emits `close` when it has ended.
 */
export function decodedBody(response: IncomingMessage): Readable {
  const decoder = decoderOf(response.headers["content-encoding"]?.trim().toLowerCase());
  // The reader hears of what breaks it.
  return decoder === undefined ? response : pipeline(response, decoder, () => {});
}

function decoderOf(encoding: string | undefined) {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
  }
  return undefined;
}
