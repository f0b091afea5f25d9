import { readU32, writeU32 } from "./bytes.js";
import { E2eError } from "./error.js";

/**
 * How sealed sizes relate to plaintext sizes. `buckets` (the default) rounds them up, because the lengths of the
 * chunks of a streamed answer give its topic away; `none` adds a single byte.
 */
export type Padding = "buckets" | "none";

/** Plaintext bytes of one chunk at most. The wire's own limits are far below; this one bounds an allocation. */
export const MAX_CHUNK_BYTES: number = 32 * 1024 * 1024;

// A record is what the AEAD encrypts. Its first byte says how to read the rest; 0 is never valid.
const FORMAT_PLAIN = 1;
const FORMAT_PADDED = 2;
const PLAIN_HEADER_BYTES = 1;
/** The format byte and the plaintext's length as u32. */
export const PADDED_HEADER_BYTES = 5;

const SMALL_BUCKETS = [64, 128, 256] as const;
/** Over the small buckets a record is a multiple of this. */
export const BUCKET_STEP_BYTES = 512;

/** The size of the padded record that holds `bytes` bytes, header included. */
function bucketFor(bytes: number): number {
  for (const bucket of SMALL_BUCKETS) if (bytes <= bucket) return bucket;
  return Math.ceil(bytes / BUCKET_STEP_BYTES) * BUCKET_STEP_BYTES;
}

/**
 * Bytes of the record of a plaintext.
 *
 * @throws E2eError `too_large` over `MAX_CHUNK_BYTES`
 */
export function recordBytes(plaintextBytes: number, padding: Padding): number {
  if (plaintextBytes > MAX_CHUNK_BYTES) throw new E2eError("too_large", "a chunk has at most 32 MiB");
  return padding === "none" ? PLAIN_HEADER_BYTES + plaintextBytes : bucketFor(PADDED_HEADER_BYTES + plaintextBytes);
}

/** Writes a record to `out` at `at`, where `recordBytes` zero bytes are expected. */
export function writeRecord(out: Uint8Array, at: number, plaintext: Uint8Array, padding: Padding): void {
  if (padding === "none") {
    out[at] = FORMAT_PLAIN;
    out.set(plaintext, at + PLAIN_HEADER_BYTES);
    return;
  }
  out[at] = FORMAT_PADDED;
  writeU32(out, at + 1, plaintext.length);
  out.set(plaintext, at + PADDED_HEADER_BYTES);
}

/**
 * The plaintext of a record, either format.
 *
 * @returns a view of `record`, or `undefined` when it is malformed: an unknown format, a length that does not belong
 * in a record of this size, fill that is not zero
 */
export function readRecord(record: Uint8Array): Uint8Array | undefined {
  if (record[0] === FORMAT_PLAIN) return view(record, PLAIN_HEADER_BYTES, record.length);
  if (record[0] !== FORMAT_PADDED || record.length < PADDED_HEADER_BYTES) return undefined;
  const end = PADDED_HEADER_BYTES + readU32(record, 1);
  if (bucketFor(end) !== record.length) return undefined;
  for (let at = end; at < record.length; at++) if (record[at] !== 0) return undefined;
  return view(record, PADDED_HEADER_BYTES, end);
}

/** A plain Uint8Array even where the record is a Buffer, whose `subarray` would also be slower. */
function view(record: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(record.buffer, record.byteOffset + from, to - from);
}
