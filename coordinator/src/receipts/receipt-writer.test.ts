import { createHash } from "node:crypto";
import { issueAttestation, newSoftwareKey, type SignedEntry, softwareSigner } from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { PRUNE_BATCH } from "../store/receipt-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { type KeptReceipt, readStored } from "./kept-receipt.js";
import { type ReceiptOrigin, ReceiptWriter } from "./receipt-writer.js";

const signer = softwareSigner(newSoftwareKey());
const USAGE = { prompt_tokens: 1, completion_tokens: 2 };
const ENTRY: SignedEntry = {
  blob: Buffer.from("{}"),
  batch: { blob: Buffer.from("{}"), signature: Buffer.alloc(64, 1), index: 3, proof: [Buffer.alloc(32, 2)] },
};

let clock: FakeClock;
let store: Store;
let lost: number;
let attestation: ReceiptOrigin["attestation"];

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
  attestation = { hash, ...signed, identityKey: signer.publicKey };
});

const origin = (requestId: string, word: ReceiptOrigin["word"] = {}): ReceiptOrigin => {
  return { requestId, account: "anna", providerId: "prv_1", attestation, word };
};
const here = (): Promise<SignedEntry> => Promise.resolve(ENTRY);
afterEach(() => store.close());

const writerOn = (given: Store): ReceiptWriter =>
  new ReceiptWriter({
    clock,
    log: createLogger("silent"),
    receipts: given.receipts,
    attestations: given.attestations,
    lost: () => {
      lost += 1;
    },
  });

const found = async (writer: ReceiptWriter, request = "req_1"): Promise<KeptReceipt> => {
  const kept = await writer.find(request, "anna");
  if (kept === undefined || kept === "pending") throw new Error(`not found: ${kept}`);
  return kept;
};

describe("the receipt writer", () => {
  it("finds a receipt from the moment it is kept, for its own account only", async () => {
    const writer = writerOn(store);
    writer.keep(origin("req_1"), here());
    await writer.arrived(0);
    expect((await found(writer)).receipt.providerId).toBe("prv_1");
    expect(await writer.find("req_1", "ben")).toBeUndefined();
    await writer.stop();
    expect(clock.pending).toBe(0);
  });

  it("says of one that is awaited that it is pending, to its own account only, and no more when there is none", async () => {
    const writer = writerOn(store);
    let checked: (receipt: SignedEntry | undefined) => void = () => {};
    const receipt = new Promise<SignedEntry | undefined>((resolve) => {
      checked = resolve;
    });
    writer.keep(origin("req_1"), receipt);
    expect(await writer.find("req_1", "anna")).toBe("pending");
    expect(await writer.find("req_1", "ben")).toBeUndefined();
    checked(undefined);
    await writer.arrived(0);
    expect(await writer.find("req_1", "anna")).toBeUndefined();
    await writer.stop();
    expect([lost, clock.pending]).toEqual([0, 0]);
  });

  it("that is stopped keeps nothing more, and counts what comes as lost", async () => {
    const writer = writerOn(store);
    let checked: (receipt: SignedEntry | undefined) => void = () => {};
    const receipt = new Promise<SignedEntry | undefined>((resolve) => {
      checked = resolve;
    });
    writer.keep(origin("req_1"), receipt);
    const stopped = writer.stop();
    clock.advance(500);
    expect(await stopped).toBe(0);
    checked(ENTRY);
    await writer.arrived(0);
    expect([lost, clock.pending]).toEqual([1, 0]);
  });

  it("waits for those that are awaited as long as it is told to, and not a moment longer", async () => {
    const writer = writerOn(store);
    writer.keep(origin("req_1"), new Promise(() => {}));
    let over = false;
    const arrived = writer.arrived(500).then(() => {
      over = true;
    });
    clock.advance(499);
    await Promise.resolve();
    expect(over).toBe(false);
    clock.advance(1);
    await arrived;
  });

  it("gives back from the store what was signed, and what is said beside it", async () => {
    const writer = writerOn(store);
    writer.keep(origin("req_1"), here());
    writer.keep(origin("req_2", { counted: { usage: USAGE, clamped: ["completion"] } }), here());
    writer.keep(origin("req_3", { cost: 7n }), here());
    writer.keep(origin("req_4", { counted: { usage: USAGE, clamped: ["prompt"] }, cost: 0n }), here());
    await writer.stop();
    const later = writerOn(store);
    const read = async (request: string) => readStored((await found(later, request)).receipt);
    expect(await read("req_1")).toEqual({ signed: bytesOf(ENTRY) });
    expect(await read("req_2")).toEqual({
      signed: bytesOf(ENTRY),
      counted: { usage: USAGE, clamped: ["completion"] },
    });
    expect(await read("req_3")).toEqual({ signed: bytesOf(ENTRY), cost: 7n });
    expect(await read("req_4")).toEqual({
      signed: bytesOf(ENTRY),
      counted: { usage: USAGE, clamped: ["prompt"] },
      cost: 0n,
    });
    await later.stop();
  });

  it("reads a receipt of format 1 as it was kept, and nothing out of what is neither", () => {
    const blob = Buffer.from("{}");
    const signature = new Uint8Array(64).fill(2);
    expect(readStored({ blob, signature })).toEqual({ signed: { blob, signature } });
    for (const length of [0, 1, 2, 63, 65, 200]) {
      expect(readStored({ blob, signature: new Uint8Array(length).fill(2) })).toBeUndefined();
    }
  });

  it("keeps so many receipts waiting for the store, and counts the rest as lost", async () => {
    const put = async (): Promise<void> => {
      throw new Error("full");
    };
    const writer = writerOn({ ...store, receipts: { put, find: async () => undefined, prune: async () => 0 } });
    for (let n = 0; n < 20_000; n++) writer.keep(origin(`req_${n}`), here());
    await writer.arrived(0);
    expect(lost).toBe(0);
    writer.keep(origin("req_over"), here());
    await writer.arrived(0);
    expect(lost).toBe(1);
    expect(await writer.find("req_over", "anna")).toBeUndefined();
  });

  it("writes what has gathered together, with what vouches for it, and finds it after a restart", async () => {
    const writer = writerOn(store);
    for (let at = 0; at < 50; at++) writer.keep(origin(`req_${at}`), here());
    await writer.arrived(0);
    clock.advance(100);
    await writer.stop();
    const later = writerOn(store);
    const kept = await found(later, "req_49");
    expect(kept.attestation.identityKey).toEqual(signer.publicKey);
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
    const writer = writerOn(moody);
    writer.keep(origin("req_1"), here());
    await writer.arrived(0);
    await writer.flush();
    expect((await found(writer)).receipt.requestId).toBe("req_1");
    expect(await store.receipts.find("req_1", "anna")).toBeUndefined();
    await writer.stop();
    expect(await store.receipts.find("req_1", "anna")).toBeDefined();
  });

  it("says when it stops how many receipts the store never took, and counts them as lost", async () => {
    const put = async (): Promise<void> => {
      throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
    };
    const writer = writerOn({ ...store, receipts: { put, find: async () => undefined, prune: async () => 0 } });
    writer.keep(origin("req_1"), here());
    writer.keep(origin("req_2"), here());
    expect(await writer.stop()).toBe(2);
    expect([lost, clock.pending]).toEqual([2, 0]);
  });

  it("prunes batch after batch with pauses, in which others get their turn, and stops when it is stopped", async () => {
    let batches = 0;
    const prune = async (): Promise<number> => {
      batches += 1;
      return PRUNE_BATCH;
    };
    const writer = writerOn({ ...store, receipts: { put: async () => {}, find: async () => undefined, prune } });
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    clock.advance(3_600_000);
    await settled();
    expect(batches).toBe(1);
    clock.advance(20);
    await settled();
    expect(batches).toBe(2);
    await writer.stop();
    clock.advance(20);
    await settled();
    expect([batches, clock.pending]).toEqual([2, 0]);
  });
});

/** As plain byte arrays, which is how they come from the store. */
function bytesOf({ blob, batch }: SignedEntry): SignedEntry {
  const plain = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);
  const { signature, index, proof } = batch;
  return {
    blob: plain(blob),
    batch: { blob: plain(batch.blob), signature: plain(signature), index, proof: proof.map(plain) },
  };
}
