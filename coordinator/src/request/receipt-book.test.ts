import { createHash } from "node:crypto";
import { issueAttestation, newSoftwareKey, softwareSigner, verifierOf } from "@hearth/attestation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SentAttempt } from "../dispatch/open-attempt.js";
import { createLogger } from "../platform/logger.js";
import { PRUNE_BATCH } from "../store/receipt-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { FakeClock } from "../testing/fake-clock.js";
import { ReceiptBook } from "./receipt-book.js";

const signer = softwareSigner(newSoftwareKey());
const RECEIPT = { blob: Buffer.from("{}").toString("base64url"), signature: Buffer.alloc(64, 1).toString("base64url") };

let clock: FakeClock;
let store: Store;
let lost: number;
let sent: SentAttempt;

beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore();
  lost = 0;
  const signed = await issueAttestation(signer, {
    encryptionKey: { keyId: "k", publicKey: new Uint8Array(32) },
    agentVersion: "1.0.0",
    serialHash: null,
    posture: {
      sip: null,
      secure_boot: null,
      filevault: null,
      hypervisor: null,
      binary_hash: null,
      os_version: "",
      chip: null,
    },
    nonce: new Uint8Array(16),
    nowMs: 0,
  });
  const hash = createHash("sha256").update(signed.blob).digest("hex");
  const proven = { proof: { hash, signed, verifier: verifierOf(signer.publicKey) } };
  sent = { attempt: { receipt: RECEIPT }, session: { id: "prv_1", proven } } as unknown as SentAttempt;
});
afterEach(() => store.close());

const bookOn = (given: Store): ReceiptBook =>
  new ReceiptBook({
    clock,
    log: createLogger("silent"),
    receipts: given.receipts,
    attestations: given.attestations,
    lost: () => {
      lost += 1;
    },
  });

describe("the receipt book", () => {
  it("finds a receipt from the moment it is kept, for its own account only", async () => {
    const book = bookOn(store);
    book.keep("req_1", "anna", sent);
    expect((await book.find("req_1", "anna"))?.receipt.providerId).toBe("prv_1");
    expect(await book.find("req_1", "ben")).toBeUndefined();
    await book.stop();
    expect(clock.pending).toBe(0);
  });

  it("writes what has gathered together, with what vouches for it, and finds it after a restart", async () => {
    const book = bookOn(store);
    for (let at = 0; at < 50; at++) book.keep(`req_${at}`, "anna", sent);
    clock.advance(100);
    await book.stop();
    const later = bookOn(store);
    const kept = await later.find("req_49", "anna");
    expect(kept?.attestation.identityKey).toEqual(signer.publicKey);
    expect(await later.find("req_49", "ben")).toBeUndefined();
    await later.stop();
  });

  it("tries again what the store would not take", async () => {
    let refusals = 1;
    const moody: Store = {
      ...store,
      receipts: {
        find: (...args) => store.receipts.find(...args),
        prune: (...args) => store.receipts.prune(...args),
        put: (receipts) => (refusals-- > 0 ? Promise.reject(new Error("full")) : store.receipts.put(receipts)),
      },
    };
    const book = bookOn(moody);
    book.keep("req_1", "anna", sent);
    await book.flush();
    expect((await book.find("req_1", "anna"))?.receipt.requestId).toBe("req_1");
    expect(await store.receipts.find("req_1", "anna")).toBeUndefined();
    await book.stop();
    expect(await store.receipts.find("req_1", "anna")).toBeDefined();
  });

  it("says when it stops how many receipts the store never took, and counts them as lost", async () => {
    const put = async (): Promise<void> => {
      throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
    };
    const book = bookOn({ ...store, receipts: { put, find: async () => undefined, prune: async () => 0 } });
    book.keep("req_1", "anna", sent);
    book.keep("req_2", "anna", sent);
    expect(await book.stop()).toBe(2);
    expect([lost, clock.pending]).toEqual([2, 0]);
  });

  it("prunes batch after batch with pauses, in which others get their turn, and stops with the book", async () => {
    let batches = 0;
    const prune = async (): Promise<number> => {
      batches += 1;
      return PRUNE_BATCH;
    };
    const book = bookOn({ ...store, receipts: { put: async () => {}, find: async () => undefined, prune } });
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    clock.advance(3_600_000);
    await settled();
    expect(batches).toBe(1);
    clock.advance(20);
    await settled();
    expect(batches).toBe(2);
    await book.stop();
    clock.advance(20);
    await settled();
    expect([batches, clock.pending]).toEqual([2, 0]);
  });

  it("keeps nothing for a provider that does not attest", async () => {
    const book = bookOn(store);
    book.keep("req_1", "anna", { ...sent, session: { id: "p" } } as unknown as SentAttempt);
    expect(await book.find("req_1", "anna")).toBeUndefined();
    await book.stop();
    expect(lost).toBe(0);
  });
});
