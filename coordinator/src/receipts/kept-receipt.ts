import { readBatchProof, type SignedEntry, type SignedReceipt, writeBatchProof } from "@hearth/attestation";
import { usageSchema } from "@hearth/protocol";
import { z } from "zod";
import { CLAMPED_MEMBERS } from "../platform/clamped-members.js";
import { type MicroUsd, microUsd, microUsdJson } from "../platform/micro-usd.js";
import type { StoredAttestation } from "../store/attestation-store.js";
import type { StoredReceipt } from "../store/receipt-store.js";

/** A receipt with what vouches for the key that signed it. */
export interface KeptReceipt {
  readonly receipt: StoredReceipt;
  readonly attestation: StoredAttestation;
}

/** What counts of an answer whose provider has signed for more than can be. */
const countedSchema = z.object({ usage: usageSchema, clamped: z.array(z.enum(CLAMPED_MEMBERS)).min(1) });

/** The coordinator's own figure beside the signed one, and which of its members differ. */
export type CountedUsage = z.infer<typeof countedSchema>;

const wordSchema = countedSchema.partial().extend({ cost_micro_usd: z.int().min(0).optional() });

/** What the coordinator says of an answer beside what is signed: nobody has signed that. */
export interface CoordinatorsWord {
  /** Absent = what is signed counts. */
  readonly counted?: CountedUsage | undefined;
  /** What the answer has cost its consumer; absent = nothing had a price. */
  readonly cost?: MicroUsd | undefined;
}

/** First byte of what stands in the place of a signature for a receipt of format 2. Format 1 has 64 bytes there. */
const FORMAT_2 = 2;
/** Format byte and u16 length of the batch's proof. */
const HEADER_BYTES = 3;

/**
 * A receipt of format 2 in the two columns that a receipt has: the signature's holds
 * `u8 2 | u16 n | batch's proof (n, see writeBatchProof) | the coordinator's word as JSON, or nothing`.
 */
export function storedForm(
  { blob, batch }: SignedEntry,
  { counted, cost }: CoordinatorsWord,
): Pick<StoredReceipt, "blob" | "signature"> {
  const proof = writeBatchProof(batch);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FORMAT_2, 0);
  header.writeUInt16BE(proof.length, 1);
  const word = { ...counted, ...(cost === undefined ? {} : { cost_micro_usd: microUsdJson(cost) }) };
  const told = counted === undefined && cost === undefined ? "" : JSON.stringify(word);
  return { blob, signature: Buffer.concat([header, proof, Buffer.from(told)]) };
}

/** @returns `undefined` for what neither format is */
export function readStored({ blob, signature }: Pick<StoredReceipt, "blob" | "signature">): ReadReceipt | undefined {
  if (signature.length === 64) return { signed: { blob, signature } };
  if (signature[0] !== FORMAT_2 || signature.length < HEADER_BYTES) return undefined;
  const bytes = Buffer.from(signature.buffer, signature.byteOffset, signature.length);
  const end = HEADER_BYTES + bytes.readUInt16BE(1);
  const batch = readBatchProof(signature.subarray(HEADER_BYTES, end));
  return batch && { signed: { blob, batch }, ...readWord(bytes.toString("utf8", end)) };
}

export interface ReadReceipt extends CoordinatorsWord {
  readonly signed: SignedReceipt;
}

function readWord(json: string): CoordinatorsWord {
  if (json === "") return {};
  const { usage, clamped, cost_micro_usd: cost } = wordSchema.parse(JSON.parse(json));
  return {
    ...(usage === undefined || clamped === undefined ? {} : { counted: { usage, clamped } }),
    ...(cost === undefined ? {} : { cost: microUsd(cost) }),
  };
}
