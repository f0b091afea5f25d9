import { randomBytes } from "node:crypto";
import {
  BatchVerifier,
  type EntryText,
  entryOf,
  entryText,
  issueReceipt,
  issueReceiptBatch,
  newSoftwareKey,
  type ReceiptFacts,
  receiptEntry,
  type SignedBlob,
  softwareSigner,
  type Verifier,
  verifierOf,
  verifyReceipt,
} from "@hearth/attestation";
import { decodeProviderFrame, encodeControl } from "@hearth/protocol";
import { cpuOf, cpuOfAsync } from "./cpu-of.js";
import { benchReceiptThreads } from "./receipt-threads.js";
import { figure, markdownTable } from "./table.js";

const NOW = 1_700_000_000_000;
const HASH = "a".repeat(64);
const FACTS: ReceiptFacts = {
  request_id: "req_6zP0bOreFxvKzzJxx2FX",
  attempt_id: "att_6zP0bOreFxvKzzJxx2FX",
  model: "qwen3-8b",
  weights_hash: HASH,
  request_hash: HASH,
  response_hash: HASH,
  usage: { prompt_tokens: 1, completion_tokens: 1 },
  last_seq: 1,
  issued_at_ms: NOW,
};
const signer = softwareSigner(newSoftwareKey());
const verifier = verifierOf(signer.publicKey) as Verifier;

/** Prints what a receipt costs who signs it and who checks it, µs of CPU each: by itself, and in batches. */
export async function benchReceipts(print: (text: string) => void): Promise<void> {
  const rows = [row("format 1, by itself", await signsOne(), await checksOne(), undefined)];
  for (const size of [1, 32]) {
    const name = `format 2, in a batch of ${size}`;
    rows.push(row(name, await signsBatch(size), await checksBatch(size), await readsFrame(size)));
  }
  print(markdownTable(["CPU µs a receipt", "agent", "coordinator", "its frame, read"], rows));
  await benchReceiptThreads(FACTS, print);
}

const row = (name: string, ...micros: readonly (number | undefined)[]): readonly string[] => [
  name,
  ...micros.map((each) => figure(each, 1)),
];

const batchOf = async (size: number): Promise<readonly EntryText[]> => {
  const entries = Array.from({ length: size }, () => receiptEntry(FACTS, randomBytes(16)));
  return (await issueReceiptBatch(signer, entries, NOW)).map(entryText);
};

const signsOne = (): Promise<number> => cpuOfAsync(async () => void textOf(await issueReceipt(signer, FACTS)));

const signsBatch = async (size: number): Promise<number> =>
  (await cpuOfAsync(async () => void (await batchOf(size)))) / size;

async function checksOne(): Promise<number> {
  const text = textOf(await issueReceipt(signer, FACTS));
  return cpuOf(() => {
    const signed = { blob: bytesOf(text.blob), signature: bytesOf(text.signature) };
    held(verifyReceipt(signed, verifier).type);
  });
}

/** As a connection does: the signature once, since the batch is a new one each time. */
async function checksBatch(size: number): Promise<number> {
  const batch = await batchOf(size);
  const micros = cpuOf(() => {
    const batches = new BatchVerifier(verifier);
    for (const receipt of batch) held(batches.verify(entryOf(receipt)).type);
  });
  return micros / size;
}

async function readsFrame(size: number): Promise<number> {
  const [receipt] = await batchOf(size);
  const text = encodeControl({ type: "receipt", stream: 1, ...(receipt as EntryText) });
  return cpuOf(() => held(decodeProviderFrame(text).kind === "frame" ? "ok" : "malformed"));
}

function held(type: string): void {
  if (type !== "ok") throw new Error("a receipt does not hold");
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64url");
const textOf = ({ blob, signature }: SignedBlob) => ({
  blob: Buffer.from(blob).toString("base64url"),
  signature: Buffer.from(signature).toString("base64url"),
});
