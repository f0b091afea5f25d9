import { LIMITS } from "./limits.js";

/**
 * Binary frames carry ciphertext: `u8 kind | u32 stream | u32 seq | u8 flags | ciphertext`, integers big-endian.
 * `seq` counts from 0 within one stream and kind, without gaps.
 */
export const DATA_KINDS = { request: 1, response: 2 } as const;

export type DataKind = keyof typeof DATA_KINDS;

/** Set on the last frame of a stream and kind; the sealed AAD binds it. */
export const FLAG_FINAL = 1;

/**
 * What the sealed bytes are, for whoever may not read them: a part of a request's body or of a backend's error; events
 * that say nothing yet; content; what follows content and is none (usage, the end mark). The value is the mark that
 * the sealed AAD binds; in the flags it stands above the final flag.
 */
export const DATA_MARKS = { body: 0, preamble: 1, content: 2, trailer: 4 } as const;

export type Holding = keyof typeof DATA_MARKS;

/** Bytes before the ciphertext. */
export const DATA_HEADER_BYTES = 10;

export interface DataFrame {
  readonly kind: DataKind;
  readonly stream: number;
  readonly seq: number;
  readonly final: boolean;
  /** `body` in requests, and only there. */
  readonly holds: Holding;
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
  out[9] = (header.final ? FLAG_FINAL : 0) | (DATA_MARKS[header.holds] << 1);
}

/**
 * Reads a binary frame.
 *
 * @returns `undefined` for anything that is not exactly one: too short, too large, an unknown kind or flag, a mark that its kind does
 * not carry, stream 0
 */
export function decodeData(message: Uint8Array): DataFrame | undefined {
  if (message.length < DATA_HEADER_BYTES || message.length > LIMITS.frameBytes) return undefined;
  const kind = message[0] === DATA_KINDS.response ? "response" : message[0] === DATA_KINDS.request ? "request" : null;
  const flags = message[9] as number;
  const stream = readU32(message, 1);
  const holds = holdingOf(flags >> 1);
  if (kind === null || holds === undefined || stream === 0) return undefined;
  if ((kind === "request") !== (holds === "body")) return undefined;
  return {
    kind,
    stream,
    seq: readU32(message, 5),
    final: (flags & FLAG_FINAL) !== 0,
    holds,
    ciphertext: message.subarray(DATA_HEADER_BYTES),
  };
}

function holdingOf(mark: number): Holding | undefined {
  switch (mark) {
    case DATA_MARKS.body:
      return "body";
    case DATA_MARKS.preamble:
      return "preamble";
    case DATA_MARKS.content:
      return "content";
    case DATA_MARKS.trailer:
      return "trailer";
    default:
      return undefined;
  }
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
