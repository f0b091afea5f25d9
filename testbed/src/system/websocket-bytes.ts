const HEADER_END = Buffer.from("\r\n\r\n");

/** One direction of a WebSocket connection, as its bytes say it. */
export interface SocketReading {
  /** The HTTP request or response that opened it. */
  readonly head: string;
  /** The payload of each frame, unmasked. */
  readonly payloads: readonly Buffer[];
}

/**
 * Reads captured bytes as RFC 6455 has them: the opening HTTP message, then frames, of which a client's are masked.
 *
 * @throws when a frame uses an extension, because compressed payloads would hide what is looked for
 */
export function readWebSocketBytes(parts: readonly Buffer[]): SocketReading {
  const bytes = Buffer.concat(parts);
  const headEnd = bytes.indexOf(HEADER_END);
  if (headEnd < 0) throw new Error("no HTTP message opens this connection");
  const payloads: Buffer[] = [];
  let at = headEnd + HEADER_END.length;
  for (let frame = readFrame(bytes, at); frame !== undefined; frame = readFrame(bytes, at)) {
    payloads.push(frame.payload);
    at = frame.end;
  }
  return { head: bytes.subarray(0, headEnd).toString("latin1"), payloads };
}

interface Frame {
  readonly payload: Buffer;
  readonly end: number;
}

/** The frame that starts here, or `undefined` when it was not captured to its end. */
function readFrame(bytes: Buffer, start: number): Frame | undefined {
  if (bytes.length < start + 2) return undefined;
  if ((bytes.readUInt8(start) & 0x70) !== 0) throw new Error("a frame uses an extension");
  const masked = (bytes.readUInt8(start + 1) & 0x80) !== 0;
  const short = bytes.readUInt8(start + 1) & 0x7f;
  const maskAt = start + (short === 126 ? 4 : short === 127 ? 10 : 2);
  const payloadAt = maskAt + (masked ? 4 : 0);
  if (bytes.length < payloadAt) return undefined;
  const length =
    short === 126 ? bytes.readUInt16BE(start + 2) : short === 127 ? Number(bytes.readBigUInt64BE(start + 2)) : short;
  const end = payloadAt + length;
  if (bytes.length < end) return undefined;
  const payload = Buffer.from(bytes.subarray(payloadAt, end));
  if (masked)
    for (let i = 0; i < length; i++) payload.writeUInt8(payload.readUInt8(i) ^ bytes.readUInt8(maskAt + (i % 4)), i);
  return { payload, end };
}
