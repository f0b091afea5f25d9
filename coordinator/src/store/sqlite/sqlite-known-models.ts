import type { KnownModelStore, StoredKnownModel } from "../known-model-store.js";
import type { Connection } from "./connection.js";

interface Row {
  readonly model: string;
  readonly provider_id: string;
  readonly account: string;
  readonly answered_at_ms: number;
  readonly facts: string;
}

const PUT = `
  INSERT INTO known_models (model, provider_id, account, answered_at_ms, facts) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (model, provider_id) DO UPDATE SET
    account = excluded.account, answered_at_ms = excluded.answered_at_ms, facts = excluded.facts`;

/** `KnownModelStore` in SQLite. */
export class SqliteKnownModels implements KnownModelStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async all(): Promise<readonly StoredKnownModel[]> {
    const rows = this.#connection.rows<Row>("SELECT * FROM known_models ORDER BY answered_at_ms");
    return rows.map(({ model, provider_id, account, answered_at_ms, facts }) => ({
      model,
      providerId: provider_id,
      account,
      answeredAtMs: answered_at_ms,
      facts,
    }));
  }

  async put(models: readonly StoredKnownModel[]): Promise<void> {
    this.#connection.transaction(() => {
      for (const { model, providerId, account, answeredAtMs, facts } of models) {
        this.#connection.change(PUT, model, providerId, account, answeredAtMs, facts);
      }
    });
  }

  async remove(pairs: readonly Pick<StoredKnownModel, "model" | "providerId">[]): Promise<void> {
    this.#connection.transaction(() => {
      for (const { model, providerId } of pairs) {
        this.#connection.change("DELETE FROM known_models WHERE model = ? AND provider_id = ?", model, providerId);
      }
    });
  }
}
