/** A machine's signed proof of what it is, as it came. */
export interface StoredAttestation {
  readonly hash: string;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  /** The P-256 key that signed: an uncompressed point. */
  readonly identityKey: Uint8Array;
  /** Wall-clock ms. */
  readonly createdAtMs: number;
}

/** Attestations by hash, for as long as a receipt names them: `ReceiptStore.prune` forgets them. */
export interface AttestationStore {
  /** One that is there already stays as it is. */
  put(attestation: StoredAttestation): Promise<void>;
  get(hash: string): Promise<StoredAttestation | undefined>;
}
