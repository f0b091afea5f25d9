import type { AttestationStore, StoredAttestation } from "../attestation-store.js";
import type { Blob, Connection } from "./connection.js";

interface Row {
  readonly hash: string;
  readonly blob: Blob;
  readonly signature: Blob;
  readonly identity_key: Blob;
  readonly created_at_ms: number;
}

/** `AttestationStore` in SQLite. */
export class SqliteAttestations implements AttestationStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async put({ hash, blob, signature, identityKey, createdAtMs }: StoredAttestation): Promise<void> {
    this.#connection.change(
      `INSERT INTO attestations (hash, blob, signature, identity_key, created_at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...[hash, blob, signature, identityKey, createdAtMs],
    );
  }

  async get(hash: string): Promise<StoredAttestation | undefined> {
    const row = this.#connection.row<Row>("SELECT * FROM attestations WHERE hash = ?", hash);
    if (row === undefined) return undefined;
    return {
      hash,
      blob: new Uint8Array(row.blob),
      signature: new Uint8Array(row.signature),
      identityKey: new Uint8Array(row.identity_key),
      createdAtMs: row.created_at_ms,
    };
  }
}
