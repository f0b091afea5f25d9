import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { HearthError } from "../platform/errors.js";

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
export function inflaterFor(encoding: string | undefined): Transform | undefined {
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
