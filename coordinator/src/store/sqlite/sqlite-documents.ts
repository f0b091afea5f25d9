import type { DocumentStore } from "../document-store.js";
import type { Connection } from "./connection.js";

/** `DocumentStore` in SQLite. */
export class SqliteDocuments implements DocumentStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async get(name: string): Promise<string | undefined> {
    return this.#connection.row<{ json: string }>("SELECT json FROM documents WHERE name = ?", name)?.json;
  }

  async put(name: string, json: string): Promise<void> {
    this.#connection.change(
      "INSERT INTO documents (name, json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json",
      name,
      json,
    );
  }
}
