import type { SignedEntry } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import { BatchWriter } from "../platform/batch-writer.js";
import type { Logger } from "../platform/logger.js";
import { Pruning } from "../platform/pruning.js";
import type { AttestationStore, StoredAttestation } from "../store/attestation-store.js";
import { PRUNE_BATCH, type ReceiptStore } from "../store/receipt-store.js";
import { type CoordinatorsWord, type KeptReceipt, storedForm } from "./kept-receipt.js";

/** How long a stop waits for receipts that are being checked, ms. */
const STOP_MS = 500;
/** How long receipts are kept, ms, and how many. */
const KEPT_MS = 90 * 24 * 3_600_000;
const KEPT_AT_MOST = 5_000_000;
/** Attestations known to be in the store. */
const MAX_KNOWN = 10_000;

export interface ReceiptWriterDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly receipts: ReceiptStore;
  readonly attestations: AttestationStore;
  /** A receipt could not be kept. */
  readonly lost: () => void;
}

/** What a receipt is given for: all that is known of it before it is here. */
export interface ReceiptOrigin {
  readonly requestId: string;
  readonly account: string;
  readonly providerId: string;
  /** What vouches for the key that signs it. */
  readonly attestation: Omit<StoredAttestation, "createdAtMs">;
  /** What the coordinator says beside it. */
  readonly word: CoordinatorsWord;
}

/**
 * Keeps the receipts of finished requests. Each is awaited until it is here and found to be true; whoever asks finds it
 * from then on.
 */
export class ReceiptWriter {
  readonly #deps: ReceiptWriterDeps;
  readonly #pruning: Disposable;
  /** By request: whose it is. Each connection bounds how many are awaited of it, and how long. */
  readonly #awaited = new Map<string, string>();
  #arrived: (() => void)[] = [];
  readonly #writer: BatchWriter<KeptReceipt>;
  readonly #known = new Set<string>();

  constructor(deps: ReceiptWriterDeps) {
    this.#deps = deps;
    const { clock, log, lost } = deps;
    this.#writer = new BatchWriter({ clock, log, what: "receipts" }, { write: (batch) => this.#write(batch), lost });
    const prune = (): Promise<number> => this.#prune();
    this.#pruning = new Pruning({ clock, log, what: "receipts", batch: PRUNE_BATCH, prune });
  }

  /** Keeps a receipt when it comes; `undefined` = there will be none. */
  keep(origin: ReceiptOrigin, receipt: Promise<SignedEntry | undefined>): void {
    const createdAtMs = this.#deps.clock.wallTime();
    this.#awaited.set(origin.requestId, origin.account);
    void receipt.then((entry) => this.#came(origin, createdAtMs, entry));
  }

  /** @returns `pending` while it may still come */
  async find(requestId: string, account: string): Promise<KeptReceipt | "pending" | undefined> {
    if (this.#awaited.get(requestId) === account) return "pending";
    const held = this.#writer.held(requestId);
    if (held !== undefined) return held.receipt.account === account ? held : undefined;
    const receipt = await this.#deps.receipts.find(requestId, account);
    const attestation = receipt && (await this.#deps.attestations.get(receipt.attestationHash));
    return receipt && attestation && { receipt, attestation };
  }

  /** Resolves when no receipt is awaited any more, at the latest after this long, ms. */
  async arrived(limitMs: number): Promise<void> {
    if (this.#awaited.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#deps.clock.setTimer(limitMs, resolve);
      this.#arrived.push(() => {
        timer[Symbol.dispose]();
        resolve();
      });
    });
  }

  #came(origin: ReceiptOrigin, createdAtMs: number, entry: SignedEntry | undefined): void {
    const { requestId, account, providerId, attestation, word } = origin;
    this.#awaited.delete(requestId);
    if (entry !== undefined) {
      const { blob, signature } = storedForm(entry, word);
      const { hash: attestationHash } = attestation;
      const receipt = { requestId, account, providerId, createdAtMs, blob, signature, attestationHash };
      this.#writer.add(requestId, { receipt, attestation: { ...attestation, createdAtMs } });
    }
    if (this.#awaited.size > 0) return;
    for (const resolve of this.#arrived.splice(0)) resolve();
  }

  /** Writes what waits. Never rejects: what the store does not take now is tried again. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /**
   * Writes what waits and stops.
   *
   * @returns how many receipts the store did not take; they are lost
   */
  async stop(): Promise<number> {
    await this.arrived(STOP_MS);
    this.#pruning[Symbol.dispose]();
    return this.#writer.stop();
  }

  async #write(batch: readonly KeptReceipt[]): Promise<void> {
    for (const { attestation } of batch) await this.#keepAttestation(attestation);
    await this.#deps.receipts.put(batch.map(({ receipt }) => receipt));
  }

  async #keepAttestation(attestation: StoredAttestation): Promise<void> {
    if (this.#known.has(attestation.hash)) return;
    await this.#deps.attestations.put(attestation);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(attestation.hash);
  }

  #prune(): Promise<number> {
    const { receipts, clock } = this.#deps;
    // What is forgotten there may have to be written anew.
    this.#known.clear();
    return receipts.prune(clock.wallTime() - KEPT_MS, KEPT_AT_MOST);
  }
}
