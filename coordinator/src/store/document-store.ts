/** Small JSON documents by name, such as the operator's runtime manifest. */
export interface DocumentStore {
  get(name: string): Promise<string | undefined>;
  /** Replaces what has this name. */
  put(name: string, json: string): Promise<void>;
}
