import {
  entryOf,
  type IdentitySigner,
  newSoftwareKey,
  readBlob,
  receiptBatchSchema,
  softwareSigner,
  verifierOf,
  verifyReceipt,
} from "@hearth/attestation";
import type { ReceiptText, RequestFrame } from "@hearth/protocol";
import { expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import { Receipts, type ReceiptsDeps } from "./receipts.js";

const key = softwareSigner(newSoftwareKey());

/** A signer that takes as long as a test wants it to, as a Secure Enclave's does. */
class SlowSigner implements IdentitySigner {
  readonly kind = "software";
  readonly publicKey = key.publicKey;
  readonly #asked: (() => void)[] = [];
  broken = false;

  async sign(message: Uint8Array): Promise<Uint8Array> {
    await new Promise<void>((resolve) => this.#asked.push(resolve));
    if (this.broken) throw new Error("no key");
    return key.sign(message);
  }

  /** Waits until a signature is asked for, and makes it. */
  async make(): Promise<void> {
    await eventually(() => this.#asked.length > 0);
    this.#asked.shift()?.();
  }

  get waiting(): number {
    return this.#asked.length;
  }
}

function issuer(deps: Partial<ReceiptsDeps> = {}) {
  const receipts = new Receipts({
    signer: key,
    wallTime: () => 1_700_000_000_000,
    weightsHash: () => undefined,
    ...deps,
  });
  return (n: number): Promise<ReceiptText> =>
    receipts
      .start({ request_id: `req_${n}`, attempt_id: `att_${n}`, model: "m" } as RequestFrame)
      .finish({ usage: { prompt_tokens: 1, completion_tokens: n }, lastSeq: 0 });
}

const sizeOf = (receipt: ReceiptText): number | undefined =>
  readBlob(receiptBatchSchema, entryOf(receipt).batch.blob)?.count;

function saidBy(receipt: ReceiptText): unknown {
  const verifier = verifierOf(key.publicKey);
  const verdict = verifier && verifyReceipt(entryOf(receipt), verifier);
  return verdict?.type === "ok" ? verdict.value.request_id : verdict?.failure;
}

it("a receipt is signed for alone when there is nothing else to sign", async () => {
  const finish = issuer();
  for (let n = 0; n < 3; n++) {
    const receipt = await finish(n);
    expect([sizeOf(receipt), saidBy(receipt)]).toEqual([1, `req_${n}`]);
  }
});

it("what finishes while a signature is being made is signed for together", async () => {
  const signer = new SlowSigner();
  const finish = issuer({ signer });
  const first = finish(0);
  await eventually(() => signer.waiting === 1);
  const others = [1, 2, 3].map(finish);
  await signer.make();
  expect(sizeOf(await first)).toBe(1);
  await signer.make();
  const signed = await Promise.all(others);
  expect(signed.map(sizeOf)).toEqual([3, 3, 3]);
  expect(signed.map(saidBy)).toEqual(["req_1", "req_2", "req_3"]);
  expect(new Set(signed.map(({ batch }) => batch.signature)).size).toBe(1);
});

it("what finishes in one turn is signed for together by a key that gives nobody a turn", async () => {
  const finish = issuer();
  const signed = await Promise.all([1, 2, 3].map(finish));
  expect(signed.map(sizeOf)).toEqual([3, 3, 3]);
});

it("a batch has no more receipts than it may", async () => {
  const finish = issuer({ maxBatch: 2 });
  const signed = await Promise.all([0, 1, 2, 3, 4].map(finish));
  expect(signed.map(sizeOf)).toEqual([2, 2, 2, 2, 1]);
  expect(signed.map(saidBy)).toEqual(["req_0", "req_1", "req_2", "req_3", "req_4"]);
});

it("a signer that fails costs the receipts of its batch, and the next ones are signed", async () => {
  const signer = new SlowSigner();
  signer.broken = true;
  const finish = issuer({ signer });
  const lost = Promise.allSettled([finish(0), finish(1)]);
  await signer.make();
  expect((await lost).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  signer.broken = false;
  const next = finish(2);
  await signer.make();
  expect(saidBy(await next)).toBe("req_2");
});

it("a signer that does not come back is waited for with four batches at most", async () => {
  const signer = new SlowSigner();
  const finish = issuer({ signer, maxBatch: 1 });
  const first = finish(0);
  await eventually(() => signer.waiting === 1);
  const waiting = [1, 2, 3, 4].map(finish);
  await expect(finish(5)).rejects.toThrow("too many receipts");
  for (let n = 0; n < 5; n++) await signer.make();
  expect((await Promise.all([first, ...waiting])).map(saidBy)).toEqual(["req_0", "req_1", "req_2", "req_3", "req_4"]);
});
