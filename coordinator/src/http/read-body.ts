import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { HearthError } from "../platform/errors.js";
import type { Upload } from "./uploads.js";

/** What comes in pieces below this, bytes, is copied together: one object a byte would be a hundred times the body. */
const WHOLE_PIECE_BYTES = 4 * 1024;

/**
 * Reads a request body, inflated where it is encoded, counting what really arrives and what it comes to: a false
 * `Content-Length` gains nothing, and neither does a kilobyte that would be a gigabyte. The caller disposes of the upload.
 *
 * @param maxBytes of the body, and of its encoded form
 * @throws HearthError `payload_too_large`, `unsupported_encoding`; `invalid_request` for what does not inflate;
 *   `cancelled` when the consumer goes away first; what the upload says (`rate_limit_exceeded`, `upload_timeout`)
 */
export function readBody(incoming: IncomingMessage, maxBytes: number, upload?: Upload): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const inflater = inflaterFor(incoming.headers["content-encoding"]);
    const declared = declaredBytes(incoming) ?? 0;
    if (declared > maxBytes) return reject(tooLarge(maxBytes));
    const pieces = new Pieces();
    const source: Readable = inflater ?? incoming;
    const settle = (act: () => void): void => {
      source.off("data", onData).off("end", onEnd);
      incoming.off("close", onClose).off("error", onClose);
      encoded?.stop();
      act();
    };
    const refuse = (error: unknown): void => settle(() => reject(error));
    const encoded = inflater && inflate(incoming, inflater, { maxBytes, refuse });
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
    // All of it is here: an inflater may need a moment longer than the connection lasts.
    const onClose = (): void => {
      if (!incoming.readableEnded) refuse(new HearthError("cancelled", "The request was cut off."));
    };
    source.on("data", onData).on("end", onEnd);
    incoming.on("close", onClose).on("error", onClose);
    upload?.whenSlow(refuse);
  });
}

/** What Node inflates by itself; `x-gzip` is gzip (RFC 9110 §8.4.1.3), `deflate` is the zlib format (§8.4.1.2). */
const INFLATERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

/** The names of the encodings that a body may have. */
const BODY_ENCODINGS: readonly string[] = [...INFLATERS.keys()];

/**
 * What inflates a body that is encoded once.
 *
 * @param encoding the body's `Content-Encoding`
 * @returns `undefined` for a body that is as it is
 * @throws HearthError `unsupported_encoding`: one that nobody here knows, or several on top of each other
 */
function inflaterFor(encoding: string | undefined): Transform | undefined {
  const name = encoding?.trim().toLowerCase();
  if (name === undefined || name === "" || name === "identity") return undefined;
  const create = INFLATERS.get(name);
  if (create !== undefined) return create();
  const known = BODY_ENCODINGS.join(", ");
  throw new HearthError(
    "unsupported_encoding",
    `This Content-Encoding is not known here: use one of ${known}, or none.`,
  );
}

interface Inflating {
  readonly maxBytes: number;
  readonly refuse: (error: unknown) => void;
}

/** Lets a body run through its inflater. What comes to nothing when it is inflated is bounded as well. */
function inflate(incoming: IncomingMessage, inflater: Transform, { maxBytes, refuse }: Inflating): { stop(): void } {
  let bytes = 0;
  const onEncoded = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) refuse(tooLarge(maxBytes));
  };
  const onError = (): void => refuse(new HearthError("invalid_request", NOT_ENCODED));
  incoming.on("data", onEncoded).pipe(inflater).on("error", onError);
  return {
    stop() {
      incoming.off("data", onEncoded).unpipe(inflater);
      // Destroyed while it works it may still fail, and nobody else listens.
      inflater.destroy();
    },
  };
}

const NOT_ENCODED = "The body is not encoded as its Content-Encoding says.";

/** A body's declared size, bytes; `undefined` when it is declared by nothing, or by nonsense. */
export function declaredBytes({ headers }: IncomingMessage): number | undefined {
  const declared = Number(headers["content-length"] ?? Number.NaN);
  return Number.isNaN(declared) ? undefined : declared;
}

const NOTHING = Buffer.alloc(0);

class Pieces {
  readonly #done: Buffer[] = [];
  #tail = NOTHING;
  #tailBytes = 0;
  /** Most bodies are one piece: it is copied only when another comes. */
  #first: Buffer | undefined;
  bytes = 0;

  add(chunk: Buffer): void {
    const isFirst = this.bytes === 0;
    this.bytes += chunk.length;
    if (isFirst) {
      this.#first = chunk;
      return;
    }
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) this.#append(first);
    this.#append(chunk);
  }

  join(): Buffer {
    if (this.#first !== undefined) return this.#first;
    this.#closeTail();
    const [only] = this.#done;
    return only !== undefined && this.#done.length === 1 ? only : Buffer.concat(this.#done, this.bytes);
  }

  #append(chunk: Buffer): void {
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

  #closeTail(): void {
    if (this.#tailBytes > 0) this.#done.push(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = NOTHING;
    this.#tailBytes = 0;
  }
}

function tooLarge(maxBytes: number): HearthError {
  return new HearthError("payload_too_large", `The body is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB.`);
}
