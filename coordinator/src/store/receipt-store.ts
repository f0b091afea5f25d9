/** A provider's signed word on one request, as it came. */
export interface StoredReceipt {
  readonly requestId: string;
  readonly account: string;
  readonly providerId: string;
  /** Wall-clock ms. */
  readonly createdAtMs: number;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  /** Names the attestation that vouches for the key. */
  readonly attestationHash: string;
}

/** Receipts removed by one `prune` at most: whoever writes meanwhile waits no longer than for these. */
export const PRUNE_BATCH = 5_000;

export interface ReceiptStore {
  /** Keeps all or none. A receipt never changes: one that is there already stays as it is. */
  put(receipts: readonly StoredReceipt[]): Promise<void>;
  /** Only for the account that the request was made for. */
  find(requestId: string, account: string): Promise<StoredReceipt | undefined>;
  /**
   * Forgets receipts from before `beforeWallMs`, then the oldest beyond `keepAtMost`, and attestations from before then
   * that no receipt names any more. At most `PRUNE_BATCH` of each a call.
   *
   * @returns receipts forgotten; `PRUNE_BATCH` = there may be more
   */
  prune(beforeWallMs: number, keepAtMost: number): Promise<number>;
}
