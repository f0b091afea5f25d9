// A thread of the bench that checks receipts: what comes in one message is answered in one.

import { parentPort } from "node:worker_threads";
import { BatchVerifier, type EntryText, entryOf, type Verifier, verifierOf } from "@hearth/attestation";

/** What is to be checked, of machines that are told by their keys. */
export interface CheckJob {
  readonly id: number;
  /** The identity key, base64url. */
  readonly key: string;
  readonly text: EntryText;
  /** What the receipt must say of its request. */
  readonly requestId: string;
}

/** Of each job whether its receipt holds. */
export type Checked = readonly (readonly [id: number, holds: boolean])[];

const batches = new Map<string, BatchVerifier>();

parentPort?.on("message", (jobs: readonly CheckJob[]) => {
  parentPort?.postMessage(jobs.map((job) => [job.id, holds(job)] as const) satisfies Checked);
});

function holds({ key, text, requestId }: CheckJob): boolean {
  let ofKey = batches.get(key);
  if (ofKey === undefined) {
    ofKey = new BatchVerifier(verifierOf(Buffer.from(key, "base64url")) as Verifier);
    batches.set(key, ofKey);
  }
  const verdict = ofKey.verify(entryOf(text));
  return verdict.type === "ok" && verdict.value.request_id === requestId;
}
