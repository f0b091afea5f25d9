import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IdentitySigner } from "./identity-signer.js";
import { issueReceipt, issueReceiptBatch, receiptEntry } from "./issue.js";
import { type Verifier, verifierOf } from "./p256.js";
import {
  MAX_BATCH_RECEIPTS,
  MAX_PROOF_HASHES,
  type ReceiptFacts,
  readBlob,
  receiptBatchSchema,
  writeBlob,
} from "./signed-blob.js";
import {
  entryOf,
  entryText,
  readBatchProof,
  type SignedEntry,
  type SignedReceipt,
  writeBatchProof,
} from "./signed-receipt.js";
import { newSoftwareKey, softwareSigner } from "./software-signer.js";
import { BatchVerifier, verifyReceipt } from "./verify.js";

const NOW = 1_700_000_000_000;
const signer = softwareSigner(newSoftwareKey());
const verifier = verifierOf(signer.publicKey) as Verifier;
const HASH = createHash("sha256").update("x").digest("hex");
const facts = (n: number): ReceiptFacts => ({
  request_id: `req_${n}`,
  attempt_id: "att",
  model: "m",
  weights_hash: null,
  request_hash: HASH,
  response_hash: HASH,
  usage: { prompt_tokens: 1, completion_tokens: n },
  last_seq: 3,
  issued_at_ms: NOW,
});
const entries = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, n) => receiptEntry(facts(n), randomBytes(16)));
const outcome = (receipt: SignedReceipt): string => {
  const verdict = verifyReceipt(receipt, verifier);
  return verdict.type === "ok" ? "ok" : verdict.failure;
};
const only = ([entry]: readonly SignedEntry[]): SignedEntry => entry as SignedEntry;

describe("a batch of receipts", () => {
  it.each([1, 2, 3, 32, MAX_BATCH_RECEIPTS])("of %i has one signature, and each receipt of it holds", async (count) => {
    let signatures = 0;
    const counting: IdentitySigner = {
      ...signer,
      sign(message) {
        signatures += 1;
        return signer.sign(message);
      },
    };
    const batch = await issueReceiptBatch(counting, entries(count), NOW);
    expect(signatures).toBe(1);
    expect(batch).toHaveLength(count);
    for (const n of new Set([0, 1 % count, count - 1])) {
      const verdict = verifyReceipt(batch[n] as SignedEntry, verifier);
      expect(verdict).toMatchObject({ type: "ok", value: { ...facts(n), type: "hearth.receipt.v2" } });
    }
  });

  it("has a bound, and the largest fits the bound on proofs", async () => {
    await expect(issueReceiptBatch(signer, entries(MAX_BATCH_RECEIPTS + 1), NOW)).rejects.toThrow(RangeError);
    const batch = await issueReceiptBatch(signer, entries(MAX_BATCH_RECEIPTS), NOW);
    expect(batch.at(-1)?.batch.proof).toHaveLength(MAX_PROOF_HASHES);
  });

  it("holds for no receipt at another place, of another batch, or changed", async () => {
    const [one, two] = (await issueReceiptBatch(signer, entries(5), NOW)) as [SignedEntry, SignedEntry];
    const [elsewhere] = (await issueReceiptBatch(signer, entries(5), NOW)) as [SignedEntry];
    expect(outcome({ ...one, blob: two.blob })).toBe("bad_signature");
    expect(outcome({ ...one, batch: { ...one.batch, index: 1 } })).toBe("bad_signature");
    expect(outcome({ ...one, batch: elsewhere.batch })).toBe("bad_signature");
    expect(outcome({ ...one, batch: { ...one.batch, signature: elsewhere.batch.signature } })).toBe("bad_signature");
    expect(outcome({ ...one, batch: { ...one.batch, proof: [] } })).toBe("bad_signature");
  });

  it("says how many there are, so that a path of another size leads nowhere", async () => {
    const { blob, batch } = only(await issueReceiptBatch(signer, entries(4), NOW));
    const content = readBlob(receiptBatchSchema, batch.blob);
    for (const count of [1, 2, 5, 8]) {
      const claimed = writeBlob({ ...(content as NonNullable<typeof content>), count });
      const signature = await signer.sign(claimed);
      expect(outcome({ blob, batch: { ...batch, blob: claimed, signature } }), String(count)).toBe("bad_signature");
    }
  });

  it("of another machine holds for nobody else", async () => {
    const other = softwareSigner(newSoftwareKey());
    expect(outcome(only(await issueReceiptBatch(other, entries(1), NOW)))).toBe("bad_signature");
  });

  it("takes no receipt of format 1 into a batch, and none of format 2 by itself", async () => {
    const single = await issueReceipt(signer, facts(0));
    expect(outcome(single)).toBe("ok");
    expect(outcome(only(await issueReceiptBatch(signer, [single.blob], NOW)))).toBe("malformed");
    const [entry] = entries(1) as [Uint8Array];
    expect(outcome({ blob: entry, signature: await signer.sign(entry) })).toBe("malformed");
    const { batch } = only(await issueReceiptBatch(signer, [entry], NOW));
    expect(outcome(batch)).toBe("malformed");
  });

  it("shows nothing of its other receipts that could be found by guessing: the same facts never hash alike", async () => {
    const twins = [receiptEntry(facts(1), randomBytes(16)), receiptEntry(facts(1), randomBytes(16))];
    const [one, two] = (await issueReceiptBatch(signer, twins, NOW)) as [SignedEntry, SignedEntry];
    expect(one.batch.proof[0]).not.toEqual(two.batch.proof[0]);
    const unsalted = JSON.parse(Buffer.from(one.blob).toString("utf8"));
    delete unsalted.salt;
    const blob = Buffer.from(JSON.stringify(unsalted));
    expect(outcome(only(await issueReceiptBatch(signer, [blob], NOW)))).toBe("malformed");
  });

  it("never throws, whatever is signed or shown", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 600 }),
        fc.integer({ min: -1, max: 5 }),
        fc.array(fc.uint8Array({ minLength: 31, maxLength: 32 }), { maxLength: 12 }),
        async (blob, index, proof) => {
          const batch = { blob, signature: await signer.sign(blob), index, proof };
          expect(outcome({ blob, batch })).toBe("malformed");
          const signed = only(await issueReceiptBatch(signer, [blob], NOW));
          expect(outcome({ ...signed, batch: { ...signed.batch, index, proof } })).not.toBe("ok");
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("a batch's signature", () => {
  it("is verified once for all of its receipts, and again for any other signature over it", async () => {
    let verified = 0;
    const counting: Verifier = {
      ...verifier,
      verify(message, signature) {
        verified += 1;
        return verifier.verify(message, signature);
      },
    };
    const batch = await issueReceiptBatch(signer, entries(32), NOW);
    const batches = new BatchVerifier(counting);
    for (const entry of batch) expect(batches.verify(entry).type).toBe("ok");
    expect(verified).toBe(1);
    const { blob, batch: proof } = batch[0] as SignedEntry;
    const signature = Uint8Array.from(proof.signature).fill(7, 40);
    expect(batches.verify({ blob, batch: { ...proof, signature } })).toEqual({
      type: "failed",
      failure: "bad_signature",
    });
    expect(verified).toBe(2);
  });

  it("is remembered for a few batches only", async () => {
    let verified = 0;
    const counting: Verifier = {
      ...verifier,
      verify(message, signature) {
        verified += 1;
        return verifier.verify(message, signature);
      },
    };
    const batches = new BatchVerifier(counting);
    const issued = await Promise.all(Array.from({ length: 17 }, () => issueReceiptBatch(signer, entries(1), NOW)));
    for (const batch of issued) batches.verify(only(batch));
    batches.verify(only(issued[1] as readonly SignedEntry[]));
    expect(verified).toBe(17);
    batches.verify(only(issued[0] as readonly SignedEntry[]));
    expect(verified).toBe(18);
  });
});

describe("the forms of a receipt", () => {
  it("as text and as bytes give back what they were made of", async () => {
    for (const entry of await issueReceiptBatch(signer, entries(7), NOW)) {
      expect(outcome(entryOf(JSON.parse(JSON.stringify(entryText(entry)))))).toBe("ok");
      const batch = readBatchProof(writeBatchProof(entry.batch));
      expect(batch && outcome({ ...entry, batch })).toBe("ok");
    }
  });

  it("in bytes are read from nothing but those bytes", async () => {
    const bytes = writeBatchProof(only(await issueReceiptBatch(signer, entries(3), NOW)).batch);
    expect(readBatchProof(bytes.subarray(1))).toBeUndefined();
    for (let length = 0; length < bytes.length; length++)
      expect(readBatchProof(bytes.subarray(0, length))).toBeUndefined();
    expect(readBatchProof(Buffer.concat([bytes, new Uint8Array(32)]))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        const batch = readBatchProof(any);
        if (batch !== undefined) expect(Buffer.from(writeBatchProof(batch))).toEqual(Buffer.from(any));
      }),
    );
  });

  it("in bytes do not take what no batch has", async () => {
    const { batch } = only(await issueReceiptBatch(signer, entries(1), NOW));
    const spoilt = [
      { ...batch, index: MAX_BATCH_RECEIPTS },
      { ...batch, signature: new Uint8Array(63) },
      { ...batch, blob: new Uint8Array(513) },
      { ...batch, proof: Array.from({ length: MAX_PROOF_HASHES + 1 }, () => new Uint8Array(32)) },
    ];
    for (const each of spoilt) expect(() => writeBatchProof(each)).toThrow(RangeError);
  });
});
