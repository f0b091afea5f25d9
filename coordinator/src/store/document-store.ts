export interface StoredDocument {
  readonly name: string;
  readonly json: string;
}

/** Small JSON documents by name, such as the operator's runtime manifest. */
export interface DocumentStore {
  get(name: string): Promise<string | undefined>;
  /** Replaces what has this name. */
  put(name: string, json: string): Promise<void>;
  /** All whose name begins so, by their names. */
  list(prefix: string): Promise<readonly StoredDocument[]>;
  /** What is not there stays so. */
  remove(names: readonly string[]): Promise<void>;
}
