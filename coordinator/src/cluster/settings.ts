/** What a coordinator is told of the others that serve the same fleet. */
export interface ClusterSettings {
  /** Where Redis is: one URL, or several nodes of a Redis Cluster. */
  readonly redis: readonly string[];
  /** Where other coordinators reach this one, `ws://host:port` or `wss://…`; port 0 = the one that it listens on. */
  readonly address: string;
  /** Known to all coordinators of the fleet, and to nobody else. */
  readonly secret: string;
  /** Begins the name of every key, so that several fleets can share a server. */
  readonly prefix: string;
  /** How often it says that it is there; after three times as long without a word it counts as gone, ms. */
  readonly heartbeatMs: number;
}

export const DEFAULT_CLUSTER: Pick<ClusterSettings, "prefix" | "heartbeatMs"> = {
  prefix: "hearth:",
  heartbeatMs: 2_000,
};

/** Heartbeats that may be missed before somebody counts as gone. */
export const BEATS_UNTIL_GONE = 3;
