import {
  CANCEL_REASONS,
  type CancelReason,
  CLOSE_CODES,
  type CloseReason,
  errorSchema,
  LIMITS,
  receiptSchema,
  requestSchema,
  sealingContextSchema,
  usageSchema,
  workingSchema,
} from "@hearth/protocol";
import { z } from "zod";

/**
 * What two coordinators say to each other: `u8 kind | u32 stream | u32 seq | payload`, integers big-endian. `seq` counts
 * from 0 within one stream and direction, without gaps. The payload of most kinds is JSON.
 */
export const NODE_KINDS = {
  /** To the node that has the machine: a request for it. Its body follows at once. */
  open: 1,
  /** A sealed data frame of the body, as the machine gets it but for its stream. */
  body: 2,
  /** So many more plaintext bytes may come: u32. */
  credit: 3,
  cancel: 4,
  /** Back from it: a data frame of the machine's answer, as it came. */
  data: 5,
  working: 6,
  complete: 7,
  failed: 8,
  /** The machine's connection went away. */
  lost: 9,
  /** The machine has confirmed a cancel. */
  confirmed: 10,
  /** Empty = there is none. */
  receipt: 11,
  /** Nothing was sent to the machine: it has no free slot, it has gone, or the lease is none. */
  refused: 13,
  /** Of no stream: the connection to a machine is to end. */
  disconnect: 12,
} as const;

export type NodeKind = keyof typeof NODE_KINDS;

const NAMES = new Map<number, NodeKind>(Object.entries(NODE_KINDS).map(([name, kind]) => [kind, name as NodeKind]));

/** Bytes before the payload. */
export const NODE_HEADER_BYTES = 9;
/** Bytes of one message at most: a data frame, or an opening with all that belongs to it. */
export const NODE_FRAME_BYTES: number = LIMITS.frameBytes + NODE_HEADER_BYTES;

export interface NodeFrame {
  readonly kind: NodeKind;
  readonly stream: number;
  readonly seq: number;
  /** A view into the received message. */
  readonly payload: Buffer;
}

/** @param payload bytes or words, as its kind has them */
export function encodeNodeFrame(
  { kind, stream, seq }: Omit<NodeFrame, "payload">,
  payload: Uint8Array | string,
): Buffer {
  const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  const out = Buffer.allocUnsafe(NODE_HEADER_BYTES + size);
  out[0] = NODE_KINDS[kind];
  out.writeUInt32BE(stream, 1);
  out.writeUInt32BE(seq, 5);
  if (typeof payload === "string") out.write(payload, NODE_HEADER_BYTES);
  else out.set(payload, NODE_HEADER_BYTES);
  return out;
}

/** @returns `undefined` for what is no frame */
export function decodeNodeFrame(message: Buffer): NodeFrame | undefined {
  const kind = message.length < NODE_HEADER_BYTES ? undefined : NAMES.get(message[0] as number);
  if (kind === undefined) return undefined;
  const payload = message.subarray(NODE_HEADER_BYTES);
  return { kind, stream: message.readUInt32BE(1), seq: message.readUInt32BE(5), payload };
}

const name = z.string().min(1).max(128);

/** What one node asks of a machine that another has. */
export const openSchema = z.object({
  provider: name,
  /** Of the machine's connection, as the asking node knows it. */
  epoch: z.int().nonnegative(),
  /** Of the slot that was leased for it. */
  fence: z.int().nonnegative(),
  /** The request has to be whole within this time, ms. */
  remaining_ms: z.int().min(1).max(600_000),
  /** The expected size of prompt and answer, tokens. */
  tokens: z.number().nonnegative(),
  context: sealingContextSchema.omit({ type: true }),
  opening: requestSchema.omit({ type: true, stream: true }),
});

export type OpenPayload = z.infer<typeof openSchema>;

export const cancelPayload = z.object({ reason: z.enum(CANCEL_REASONS) }) satisfies z.ZodType<{ reason: CancelReason }>;
export const workingPayload = workingSchema.omit({ type: true, stream: true });
export const completePayload = z.object({ usage: usageSchema });
export const failedPayload = errorSchema;
export const confirmedPayload = z.object({ ended: z.enum(["complete", "error"]), spent: usageSchema.optional() });
export const receiptPayload = receiptSchema.omit({ type: true, stream: true });
export const disconnectPayload = z.object({
  provider: name,
  epoch: z.int().nonnegative(),
  reason: z.enum(Object.keys(CLOSE_CODES) as [CloseReason, ...CloseReason[]]),
});

/** Reads a payload of words. @returns `undefined` for what is not as its schema says */
export function readPayload<T>(schema: z.ZodType<T>, payload: Buffer): T | undefined {
  try {
    return schema.parse(JSON.parse(payload.toString("utf8")));
  } catch {
    return undefined;
  }
}
