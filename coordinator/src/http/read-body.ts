import type { IncomingMessage } from "node:http";
import { HearthError } from "../platform/errors.js";
import type { Upload } from "./uploads.js";

/** What comes in pieces below this, bytes, is copied together: one object a byte would be a hundred times the body. */
const WHOLE_PIECE_BYTES = 4 * 1024;

/**
 * Reads a request body, counting what really arrives: a false `Content-Length` gains nothing. The caller disposes of
 * the upload.
 *
 * @throws HearthError `payload_too_large`, `unsupported_encoding`; `cancelled` when the consumer goes away first; what
 *   the upload says (`rate_limit_exceeded`, `upload_timeout`)
 */
export function readBody(incoming: IncomingMessage, maxBytes: number, upload?: Upload): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    requirePlain(incoming.headers["content-encoding"]);
    const declared = declaredBytes(incoming) ?? 0;
    if (declared > maxBytes) return reject(tooLarge(maxBytes));
    const pieces = new Pieces();
    const settle = (act: () => void): void => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      act();
    };
    const refuse = (error: unknown): void => settle(() => reject(error));
    const onData = (chunk: Buffer): void => {
      if (pieces.bytes + chunk.length > maxBytes) return refuse(tooLarge(maxBytes));
      try {
        upload?.arrived(chunk.length);
      } catch (error) {
        return refuse(error);
      }
      pieces.add(chunk);
    };
    const onEnd = (): void => settle(() => resolve(pieces.join()));
    const onClose = (): void => refuse(new HearthError("cancelled", "The request was cut off."));
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
    upload?.whenSlow(refuse);
  });
}

/** A body's declared size, bytes; `undefined` when it is declared by nothing, or by nonsense. */
export function declaredBytes({ headers }: IncomingMessage): number | undefined {
  const declared = Number(headers["content-length"] ?? Number.NaN);
  return Number.isNaN(declared) ? undefined : declared;
}

/** Bodies are not inflated: a kilobyte could be a gigabyte. */
function requirePlain(encoding: string | undefined): void {
  if (encoding === undefined || encoding.trim().toLowerCase() === "identity") return;
  throw new HearthError("unsupported_encoding", "Bodies are taken as they are: send it without a Content-Encoding.");
}

class Pieces {
  readonly #done: Buffer[] = [];
  #tail = Buffer.alloc(0);
  #tailBytes = 0;
  bytes = 0;

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (chunk.length >= WHOLE_PIECE_BYTES) {
      this.#closeTail();
      this.#done.push(chunk);
      return;
    }
    if (this.#tailBytes + chunk.length > this.#tail.length) {
      this.#closeTail();
      this.#tail = Buffer.allocUnsafeSlow(WHOLE_PIECE_BYTES);
    }
    this.#tailBytes += chunk.copy(this.#tail, this.#tailBytes);
  }

  join(): Buffer {
    this.#closeTail();
    const [only] = this.#done;
    return only !== undefined && this.#done.length === 1 ? only : Buffer.concat(this.#done, this.bytes);
  }

  #closeTail(): void {
    if (this.#tailBytes > 0) this.#done.push(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = Buffer.alloc(0);
    this.#tailBytes = 0;
  }
}

function tooLarge(maxBytes: number): HearthError {
  return new HearthError("payload_too_large", `The body is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB.`);
}
