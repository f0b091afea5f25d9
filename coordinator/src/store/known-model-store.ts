/** A model that a machine has answered a request with, and when it last did. */
export interface StoredKnownModel {
  readonly model: string;
  readonly providerId: string;
  /** Whose machine it is. */
  readonly account: string;
  /** Wall-clock milliseconds since 1970. */
  readonly answeredAtMs: number;
  /** What has to be known of machine and model while both are away, as JSON. */
  readonly facts: string;
}

/** The models that have answered, over restarts. One row a machine and model. */
export interface KnownModelStore {
  all(): Promise<readonly StoredKnownModel[]>;
  /** Adds or replaces. All of them or none. */
  put(models: readonly StoredKnownModel[]): Promise<void>;
  /** Takes away those pairs of machine and model. All of them or none. */
  remove(pairs: readonly Pick<StoredKnownModel, "model" | "providerId">[]): Promise<void>;
}
