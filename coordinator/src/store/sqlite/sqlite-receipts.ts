import { PRUNE_BATCH, type ReceiptStore, type StoredReceipt } from "../receipt-store.js";
import type { Blob, Connection } from "./connection.js";

interface Row {
  readonly provider_id: string;
  readonly created_at_ms: number;
  readonly blob: Blob;
  readonly signature: Blob;
  readonly attestation_hash: string;
}

const INSERT = `
  INSERT INTO receipts (request_id, account, provider_id, created_at_ms, blob, signature, attestation_hash)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

const DELETE_AGED = `
  DELETE FROM receipts WHERE rowid IN (
    SELECT rowid FROM receipts WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT ?)`;

const DELETE_OLDEST = `
  DELETE FROM receipts WHERE rowid IN (SELECT rowid FROM receipts ORDER BY created_at_ms, rowid LIMIT ?)`;

const DELETE_UNNAMED_ATTESTATIONS = `
  DELETE FROM attestations WHERE hash IN (
    SELECT hash FROM attestations a WHERE created_at_ms < ?
    AND NOT EXISTS (SELECT 1 FROM receipts WHERE attestation_hash = a.hash) LIMIT ?)`;

/** `ReceiptStore` in SQLite. */
export class SqliteReceipts implements ReceiptStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async put(receipts: readonly StoredReceipt[]): Promise<void> {
    if (receipts.length === 0) return;
    this.#connection.transaction(() => {
      for (const { requestId, account, providerId, createdAtMs, blob, signature, attestationHash } of receipts) {
        const values = [requestId, account, providerId, createdAtMs, blob, signature, attestationHash];
        this.#connection.change(INSERT, ...values);
      }
    });
  }

  async find(requestId: string, account: string): Promise<StoredReceipt | undefined> {
    const row = this.#connection.row<Row>(
      "SELECT * FROM receipts WHERE request_id = ? AND account = ?",
      requestId,
      account,
    );
    if (row === undefined) return undefined;
    return {
      requestId,
      account,
      providerId: row.provider_id,
      createdAtMs: row.created_at_ms,
      blob: new Uint8Array(row.blob),
      signature: new Uint8Array(row.signature),
      attestationHash: row.attestation_hash,
    };
  }

  async prune(beforeWallMs: number, keepAtMost: number): Promise<number> {
    return this.#connection.transaction(() => {
      const aged = this.#connection.change(DELETE_AGED, beforeWallMs, PRUNE_BATCH);
      const left = this.#connection.row<{ n: number }>("SELECT count(*) AS n FROM receipts")?.n ?? 0;
      const excess = Math.max(0, Math.min(left - keepAtMost, PRUNE_BATCH - aged));
      const surplus = this.#connection.change(DELETE_OLDEST, excess);
      this.#connection.change(DELETE_UNNAMED_ATTESTATIONS, beforeWallMs, PRUNE_BATCH);
      return aged + surplus;
    });
  }
}
