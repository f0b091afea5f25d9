import type { MicroUsd } from "../../../platform/micro-usd.js";
import type { WorkPart } from "../../ledger-store.js";

const HOUR_MS = 3_600_000;
const BASIS_POINTS = 10_000n;

/** A part of the work with what becomes of its price: `fee` and `net` are all of `gross`. */
export interface PricedPart extends WorkPart {
  readonly fee: MicroUsd;
  readonly net: MicroUsd;
}

/** The platform takes whole micro-USD and leaves the rest of one to the machine's owner. */
export function pricedPart(part: WorkPart, feeBasisPoints: number): PricedPart {
  const fee = (part.gross * BigInt(feeBasisPoints)) / BASIS_POINTS;
  return { ...part, fee, net: part.gross - fee };
}

/** What the consumer's parts of some work cost together. */
export function consumerCost(parts: readonly WorkPart[]): MicroUsd {
  return parts.reduce((sum, { payer, gross }) => (payer === "consumer" ? sum + gross : sum), 0n);
}

/** The hour that something is counted in. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) * HOUR_MS;
}

/** Parts as the text of a column. JSON has no bigint. */
export function partsToText(parts: readonly WorkPart[]): string {
  return JSON.stringify(parts.map((part) => ({ ...part, gross: String(part.gross) })));
}

/** What `partsToText` has written. */
export function partsOfText(text: string): WorkPart[] {
  const parts: (Omit<WorkPart, "gross"> & { gross: string })[] = JSON.parse(text);
  return parts.map((part) => ({ ...part, gross: BigInt(part.gross) }));
}

export function smallerOf(one: MicroUsd, other: MicroUsd): MicroUsd {
  return one < other ? one : other;
}
