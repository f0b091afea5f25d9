import { LIMITS } from "./limits.js";

/**
 * Binary frames carry ciphertext: `u8 kind | u32 stream | u32 seq | u8 flags | ciphertext`, integers big-endian.
 * `seq` counts from 0 within one stream and kind, without gaps.
 */
export const DATA_KINDS = { request: 1, response: 2 } as const;

export type DataKind = keyof typeof DATA_KINDS;

/** Set on the last frame of a stream and kind; the sealed AAD binds it. */
export const FLAG_FINAL = 1;

/** Bytes before the ciphertext. */
export const DATA_HEADER_BYTES = 10;

export interface DataFrame {
  readonly kind: DataKind;
  readonly stream: number;
  readonly seq: number;
  readonly final: boolean;
  /** A view into the received message, not a copy. */
  readonly ciphertext: Uint8Array;
}

/** Builds a binary frame in one allocation. */
export function encodeData(frame: DataFrame): Uint8Array {
  const out = new Uint8Array(DATA_HEADER_BYTES + frame.ciphertext.length);
  writeDataHeader(out, frame);
  out.set(frame.ciphertext, DATA_HEADER_BYTES);
  return out;
}

/** Writes the ten header bytes to the start of `out`, for callers that seal straight into the frame. */
export function writeDataHeader(out: Uint8Array, header: Omit<DataFrame, "ciphertext">): void {
  out[0] = DATA_KINDS[header.kind];
  writeU32(out, 1, header.stream);
  writeU32(out, 5, header.seq);
  out[9] = header.final ? FLAG_FINAL : 0;
}

/**
 * Reads a binary frame.
 *
 * @returns `undefined` for anything that is not exactly one: too short, too large, an unknown kind or flag, stream 0
 */
export function decodeData(message: Uint8Array): DataFrame | undefined {
  if (message.length < DATA_HEADER_BYTES || message.length > LIMITS.frameBytes) return undefined;
  const kind = message[0] === DATA_KINDS.response ? "response" : message[0] === DATA_KINDS.request ? "request" : null;
  const flags = message[9] as number;
  const stream = readU32(message, 1);
  if (kind === null || (flags & ~FLAG_FINAL) !== 0 || stream === 0) return undefined;
  return {
    kind,
    stream,
    seq: readU32(message, 5),
    final: flags === FLAG_FINAL,
    ciphertext: message.subarray(DATA_HEADER_BYTES),
  };
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = bytes[at] as number;
  const rest = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return high * 0x1000000 + rest;
}
