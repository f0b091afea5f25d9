import type { Clock } from "@hearth/platform";

/** Where sealed records are kept for a while. It may lose any of them at any time. */
export interface SealedRecords {
  /** Keeps a record under its index, from now on for as long as records are kept. */
  put(index: string, sealed: Uint8Array, account: string): void | Promise<void>;
  /** @returns `undefined` for what is not kept, or not any more; what is found is kept anew */
  get(index: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** @returns whether it was there */
  delete(index: string): boolean | Promise<boolean>;
}

export interface RecordBounds {
  /** How long a record is kept after its last use, ms; 0 = none is kept. */
  readonly keptMs: number;
  /** All records together, bytes. */
  readonly bytes: number;
  /** Those of one account, bytes: nobody pushes out what others keep. */
  readonly accountBytes: number;
}

/** Half an hour, as long as a person may think about an answer; about a thousand long conversations. */
export const DEFAULT_RECORD_BOUNDS: RecordBounds = {
  keptMs: 30 * 60_000,
  bytes: 64 * 1024 * 1024,
  accountBytes: 16 * 1024 * 1024,
};

interface Kept {
  readonly sealed: Uint8Array;
  readonly account: string;
  usedAt: number;
}

/** Bookkeeping of a record beside its bytes, bytes: so that many small ones are bounded as well. */
const OVERHEAD_BYTES = 512;

/** Keeps records in memory: what was used longest ago makes room, that of the same account first. */
export class MemoryRecords implements SealedRecords {
  readonly #clock: Clock;
  readonly #bounds: () => RecordBounds;
  /** From what was used longest ago to what was used last. */
  readonly #records = new Map<string, Kept>();
  readonly #byAccount = new Map<string, number>();
  #bytes = 0;

  /** @param bounds asked at each use */
  constructor(clock: Clock, bounds: () => RecordBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** Of all that is kept, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  put(index: string, sealed: Uint8Array, account: string): void {
    this.delete(index);
    this.#expire();
    const { bytes, accountBytes } = this.#bounds();
    const cost = costOf(sealed);
    if (cost > Math.min(bytes, accountBytes)) return;
    this.#makeRoom(accountBytes - cost, account);
    this.#makeRoom(bytes - cost);
    this.#records.set(index, { sealed, account, usedAt: this.#clock.now() });
    this.#count(account, cost);
  }

  get(index: string): Uint8Array | undefined {
    this.#expire();
    const kept = this.#records.get(index);
    if (kept === undefined) return undefined;
    kept.usedAt = this.#clock.now();
    this.#records.delete(index);
    this.#records.set(index, kept);
    return kept.sealed;
  }

  delete(index: string): boolean {
    const kept = this.#records.get(index);
    if (kept === undefined) return false;
    this.#records.delete(index);
    this.#count(kept.account, -costOf(kept.sealed));
    return true;
  }

  #expire(): void {
    const before = this.#clock.now() - this.#bounds().keptMs;
    for (const [index, { usedAt }] of this.#records) {
      if (usedAt > before) return;
      this.delete(index);
    }
  }

  /** @param left bytes that may stay @param account whose; absent = everybody's */
  #makeRoom(left: number, account?: string): void {
    for (const [index, kept] of this.#records) {
      const bytes = account === undefined ? this.#bytes : (this.#byAccount.get(account) ?? 0);
      if (bytes <= left) return;
      if (account === undefined || kept.account === account) this.delete(index);
    }
  }

  #count(account: string, bytes: number): void {
    this.#bytes += bytes;
    const all = (this.#byAccount.get(account) ?? 0) + bytes;
    if (all === 0) this.#byAccount.delete(account);
    else this.#byAccount.set(account, all);
  }
}

const costOf = (sealed: Uint8Array): number => sealed.length + OVERHEAD_BYTES;
