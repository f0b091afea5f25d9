import { createHash } from "node:crypto";
import {
  BatchVerifier,
  entryText,
  issueReceiptBatch,
  newSoftwareKey,
  type ReceiptFacts,
  receiptEntry,
  type SignedEntry,
  softwareSigner,
  type Verifier,
  verifierOf,
} from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import type { ReceiptText } from "@hearth/protocol";
import { expect, it } from "vitest";
import { Background } from "../platform/background.js";
import { ReceiptCheck } from "./receipt-check.js";

const signer = softwareSigner(newSoftwareKey());
const verifier = verifierOf(signer.publicKey) as Verifier;
const USAGE = { prompt_tokens: 3, completion_tokens: 2, cached_tokens: 1 };
const ANSWER = ["data: Hello\n\n", "data: [DONE]\n\n"];
const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

function setUp({ body = Buffer.from("a request"), batches = new BatchVerifier(verifier) } = {}) {
  const told: unknown[] = [];
  let weights: string | null = "opening";
  const check = new ReceiptCheck(
    { batches, requestId: "req", attemptId: "att", model: "m", advertised: () => weights, body },
    {
      background: new Background(new FakeClock()),
      checked: (outcome) => told.push(outcome),
      undigested: (sizeBytes, thrown) => told.push([sizeBytes, thrown]),
    },
  );
  const complete = (): void => {
    for (const part of ANSWER) check.add(Buffer.from(part));
    check.complete(USAGE, 1);
  };
  const advertise = (hash: string | null): void => {
    weights = hash;
  };
  return { check, told, complete, advertise };
}

const TRUE: ReceiptFacts = {
  request_id: "req",
  attempt_id: "att",
  model: "m",
  weights_hash: "opening",
  request_hash: sha256("a request"),
  response_hash: sha256(ANSWER.join("")),
  usage: USAGE,
  last_seq: 1,
  issued_at_ms: 1,
};

async function signed(changes: Partial<ReceiptFacts> = {}): Promise<ReceiptText> {
  const [entry] = await issueReceiptBatch(signer, [receiptEntry({ ...TRUE, ...changes }, Buffer.alloc(16))], 1);
  return entryText(entry as SignedEntry);
}

it("takes a receipt that says what was asked and answered", async () => {
  const { check, told, complete } = setUp();
  complete();
  const receipt = await signed();
  check.came(receipt);
  expect(told).toEqual([]);
  expect(entryText((await check.receipt) as SignedEntry)).toEqual(receipt);
  expect(told).toEqual(["ok"]);
});

it.each<[string, Partial<ReceiptFacts>]>([
  ["another request", { request_id: "other" }],
  ["another attempt", { attempt_id: "other" }],
  ["another model", { model: "other" }],
  ["other weights", { weights_hash: "other" }],
  ["no weights", { weights_hash: null }],
  ["another body", { request_hash: sha256("another") }],
  ["another answer", { response_hash: sha256("another") }],
  ["other tokens of the prompt", { usage: { ...USAGE, prompt_tokens: 4 } }],
  ["other tokens of the answer", { usage: { ...USAGE, completion_tokens: 3 } }],
  ["other cached tokens", { usage: { ...USAGE, cached_tokens: 2 } }],
  ["no cached tokens", { usage: { prompt_tokens: 3, completion_tokens: 2 } }],
  ["another last chunk", { last_seq: 2 }],
])("takes none that names %s", async (_what, changes) => {
  const { check, told, complete } = setUp();
  complete();
  check.came(await signed(changes));
  expect(await check.receipt).toBeUndefined();
  expect(told).toEqual(["mismatch"]);
});

it("takes the weights that were told when the attempt began or when it ended, and none told later", async () => {
  for (const [weights_hash, outcome] of [
    ["opening", "ok"],
    ["end", "ok"],
    ["later", "mismatch"],
  ] as const) {
    const { check, told, complete, advertise } = setUp();
    advertise("end");
    complete();
    advertise("later");
    check.came(await signed({ weights_hash }));
    await check.receipt;
    expect(told, weights_hash).toEqual([outcome]);
  }
});

it("hashes a large request in steps, before its receipt is looked at", async () => {
  const body = Buffer.alloc(100 * 512 * 1024 + 7, 5);
  const { check, complete } = setUp({ body });
  complete();
  check.came(await signed({ request_hash: sha256(body) }));
  expect(await check.receipt).toBeDefined();
});

it("counts one that does not come as missing", async () => {
  const { check, told, complete } = setUp();
  complete();
  check.missed();
  expect(await check.receipt).toBeUndefined();
  expect(told).toEqual(["missing"]);
});

it("counts one that our own code throws over as missing, and nobody is to blame", async () => {
  const thrown = new Error("ours");
  const batches = {
    verify() {
      throw thrown;
    },
  } as unknown as BatchVerifier;
  const { check, told, complete } = setUp({ batches });
  complete();
  const receipt = await signed();
  check.came(receipt);
  expect(await check.receipt).toBeUndefined();
  expect(told).toEqual([[receipt.blob.length, thrown], "missing"]);
});
