import { utf8, writeU32 } from "./bytes.js";
import { E2eError } from "./error.js";

/** What a sealed stream belongs to. Both ends must name the same, or nothing opens. */
export interface Binding {
  readonly requestId: string;
  readonly attemptId: string;
}

/** Which way a chunk travels: to the provider, or back. */
export type Direction = "request" | "response";

const DIRECTION_BYTES = { request: 1, response: 2 } as const;
const MAX_ID_BYTES = 0xffff;

/** Largest mark: it shares a byte with the final flag. */
export const MAX_MARK = 0x7f;

/**
 * The associated data of the chunks of one stream:
 * `u16 length | request id | u16 length | attempt id | u8 direction | u32 seq | u8 flags`, integers big-endian,
 * ids in UTF-8, flags = final + 2 × mark. All but the last five bytes are written once.
 */
export class ChunkAad {
  readonly #bytes: Uint8Array;

  /** @throws E2eError `invalid_binding` for an id that is empty, over 65,535 bytes or not well-formed Unicode */
  constructor(binding: Binding, direction: Direction) {
    const ids = bindingBytes(binding);
    const bytes = new Uint8Array(ids.length + 6);
    bytes.set(ids);
    bytes[ids.length] = DIRECTION_BYTES[direction];
    this.#bytes = bytes;
  }

  /** The associated data of one chunk. The array is reused by the next call. */
  for(seq: number, final: boolean, mark: number): Uint8Array {
    const bytes = this.#bytes;
    writeU32(bytes, bytes.length - 5, seq);
    bytes[bytes.length - 1] = (final ? 1 : 0) | (mark << 1);
    return bytes;
  }
}

/**
 * The ids of a binding in a form that no two bindings share: `u16 length | request id | u16 length | attempt id`.
 *
 * @throws E2eError `invalid_binding` for an id that is empty, over 65,535 bytes or not well-formed Unicode
 */
export function bindingBytes(binding: Binding): Uint8Array {
  const requestId = idBytes(binding.requestId);
  const attemptId = idBytes(binding.attemptId);
  const bytes = new Uint8Array(2 + requestId.length + 2 + attemptId.length);
  writeId(bytes, writeId(bytes, 0, requestId), attemptId);
  return bytes;
}

function idBytes(id: string): Uint8Array {
  const ascii = asciiBytes(id);
  if (ascii !== undefined) return ascii;
  // Lone surrogates would all be encoded as U+FFFD, and so two ids as one.
  if (/\p{Surrogate}/u.test(id)) throw new E2eError("invalid_binding", "an id must be well-formed Unicode");
  const bytes = utf8(id);
  if (bytes.length === 0 || bytes.length > MAX_ID_BYTES) {
    throw new E2eError("invalid_binding", "an id has 1 to 65,535 bytes");
  }
  return bytes;
}

/** Ids are nearly always short and plain, and then a loop beats an encoder. */
function asciiBytes(id: string): Uint8Array | undefined {
  if (id.length === 0 || id.length > 256) return undefined;
  const bytes = new Uint8Array(id.length);
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (code > 0x7f) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

function writeId(out: Uint8Array, at: number, id: Uint8Array): number {
  out[at] = id.length >>> 8;
  out[at + 1] = id.length;
  out.set(id, at + 2);
  return at + 2 + id.length;
}
