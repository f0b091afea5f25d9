import type { IncomingMessage } from "node:http";
import { HearthError } from "../platform/errors.js";

/**
 * Reads a request body, counting what really arrives: a false `Content-Length` gains nothing.
 *
 * @throws HearthError `payload_too_large`; `cancelled` when the consumer goes away first
 */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const declared = Number(incoming.headers["content-length"] ?? 0);
    if (declared > maxBytes) return reject(tooLarge(maxBytes));
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (act: () => void): void => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      act();
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) settle(() => reject(tooLarge(maxBytes)));
      else chunks.push(chunk);
    };
    const onEnd = (): void =>
      settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const onClose = (): void => settle(() => reject(new HearthError("cancelled", "The request was cut off.")));
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

function tooLarge(maxBytes: number): HearthError {
  return new HearthError("payload_too_large", `The body is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB.`);
}
