import type { SignedBlobText } from "@hearth/protocol";
import type { SentAttempt } from "../dispatch/open-attempt.js";
import type { Proof } from "../fleet/trust/proof.js";
import { type Clock, repeat } from "../platform/clock.js";
import { describeFault } from "../platform/fault.js";
import type { Logger } from "../platform/logger.js";
import type { AttestationStore, StoredAttestation } from "../store/attestation-store.js";
import { PRUNE_BATCH, type ReceiptStore, type StoredReceipt } from "../store/receipt-store.js";

/** Receipts are written together, this long after the first of them, ms: one transaction costs as much as one receipt. */
const FLUSH_MS = 100;
/** Receipts that wait to be written at most: a store that is away for long loses the ones after that. */
const MAX_PENDING = 20_000;
/** How long receipts are kept, ms, and how many. */
const KEPT_MS = 90 * 24 * 3_600_000;
const KEPT_AT_MOST = 5_000_000;
const PRUNE_MS = 3_600_000;
/** Pause between two batches, ms. */
const PRUNE_PAUSE_MS = 20;
/** Attestations known to be in the store. */
const MAX_KNOWN = 10_000;

export interface ReceiptBookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly receipts: ReceiptStore;
  readonly attestations: AttestationStore;
  /** A receipt could not be kept. */
  readonly lost: () => void;
}

/** A receipt with what vouches for the key that signed it. */
export interface KeptReceipt {
  readonly receipt: StoredReceipt;
  readonly attestation: StoredAttestation;
}

/** Keeps the receipts of finished requests; whoever asks finds one from the moment it is kept. */
export class ReceiptBook {
  readonly #deps: ReceiptBookDeps;
  readonly #pruning: Disposable;
  #pending = new Map<string, KeptReceipt>();
  #writing: ReadonlyMap<string, KeptReceipt> = new Map();
  #timer: Disposable | undefined;
  #stopped = false;
  #flushed: Promise<void> = Promise.resolve();
  readonly #known = new Set<string>();

  constructor(deps: ReceiptBookDeps) {
    this.#deps = deps;
    this.#pruning = repeat(deps.clock, PRUNE_MS, () => void this.#prune());
  }

  /** Keeps the receipt of an attempt that has ended well, if it brought one. */
  keep(requestId: string, account: string, { attempt, session }: SentAttempt): void {
    const { receipt } = attempt;
    if (receipt === undefined || session.proven === undefined) return;
    if (this.#pending.size >= MAX_PENDING) return this.#deps.lost();
    const createdAtMs = this.#deps.clock.wallTime();
    const attestation = attestationOf(session.proven.proof, createdAtMs);
    this.#pending.set(requestId, {
      receipt: {
        requestId,
        account,
        providerId: session.id,
        createdAtMs,
        ...bytesOf(receipt),
        attestationHash: attestation.hash,
      },
      attestation,
    });
    this.#timer ??= this.#deps.clock.setTimer(FLUSH_MS, () => void this.flush());
  }

  async find(requestId: string, account: string): Promise<KeptReceipt | undefined> {
    const held = this.#pending.get(requestId) ?? this.#writing.get(requestId);
    if (held !== undefined) return held.receipt.account === account ? held : undefined;
    const receipt = await this.#deps.receipts.find(requestId, account);
    const attestation = receipt && (await this.#deps.attestations.get(receipt.attestationHash));
    return receipt && attestation && { receipt, attestation };
  }

  /** Writes what waits. Never rejects: what the store does not take now is tried again. */
  flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#flushed = this.#flushed.then(() => this.#write());
    return this.#flushed;
  }

  /**
   * Writes what waits and stops.
   *
   * @returns how many receipts the store did not take; they are lost
   */
  async stop(): Promise<number> {
    this.#stopped = true;
    this.#pruning[Symbol.dispose]();
    await this.flush();
    this.#timer?.[Symbol.dispose]();
    const unwritten = this.#pending.size;
    for (let n = 0; n < unwritten; n++) this.#deps.lost();
    return unwritten;
  }

  async #write(): Promise<void> {
    if (this.#pending.size === 0) return;
    const batch = this.#pending;
    this.#writing = batch;
    this.#pending = new Map();
    try {
      for (const { attestation } of batch.values()) await this.#keepAttestation(attestation);
      await this.#deps.receipts.put([...batch.values()].map(({ receipt }) => receipt));
    } catch (error) {
      this.#deps.log.error({ fault: describeFault(error), receipts: batch.size }, "receipts not written");
      this.#pending = new Map([...batch, ...this.#pending]);
      this.#timer ??= this.#deps.clock.setTimer(FLUSH_MS * 50, () => void this.flush());
    } finally {
      this.#writing = new Map();
    }
  }

  async #keepAttestation(attestation: StoredAttestation): Promise<void> {
    if (this.#known.has(attestation.hash)) return;
    await this.#deps.attestations.put(attestation);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(attestation.hash);
  }

  async #prune(): Promise<void> {
    // What is forgotten there may have to be written anew.
    this.#known.clear();
    try {
      let forgotten = PRUNE_BATCH;
      while (forgotten >= PRUNE_BATCH && !this.#stopped) {
        forgotten = await this.#deps.receipts.prune(this.#deps.clock.wallTime() - KEPT_MS, KEPT_AT_MOST);
        // The store may be one that never waits: everybody else gets a turn.
        await new Promise<void>((resolve) => this.#deps.clock.setTimer(PRUNE_PAUSE_MS, resolve));
      }
    } catch (error) {
      this.#deps.log.error({ fault: describeFault(error) }, "receipts not pruned");
    }
  }
}

function attestationOf({ hash, signed, verifier }: Proof, createdAtMs: number): StoredAttestation {
  return { hash, blob: signed.blob, signature: signed.signature, identityKey: verifier.publicKey, createdAtMs };
}

function bytesOf({ blob, signature }: SignedBlobText): Pick<StoredReceipt, "blob" | "signature"> {
  return { blob: Buffer.from(blob, "base64url"), signature: Buffer.from(signature, "base64url") };
}
