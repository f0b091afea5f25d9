/** Every number of selection. Read at each use, so that an operator may change them at run time. */
export interface SelectionSettings {
  readonly gates: GateSettings;
  readonly score: ScoreSettings;
  readonly pick: PickSettings;
  readonly queue: QueueSettings;
}

export interface GateSettings {
  /** Key-value cache that each token needs in a model that is not loaded yet (assumed), bytes. */
  readonly cacheBytesPerToken: number;
  /** Prompt of a request in a backend's own queue (assumed), tokens. */
  readonly queuedPromptTokens: number;
}

export interface ScoreSettings {
  /** Cost of each request that waits in the backend's own queue, ms. */
  readonly queueMs: number;
  /** Cost of each request of ours that runs there, ms. */
  readonly pendingMs: number;
  /** Share of its rate that a machine loses to each other request that it runs. */
  readonly decodeInterference: number;
  /** Cost at full use, ms each; less in proportion. */
  readonly memoryPressureMs: number;
  readonly cpuLoadMs: number;
  readonly gpuLoadMs: number;
  readonly thermalMs: Readonly<Record<"nominal" | "fair" | "serious" | "critical", number>>;
  /** Rate when none was observed and there is nothing to estimate it from, tokens a second. */
  readonly assumedDecodeTps: number;
  /** `prefer`: by how much another account's machine must be better than the caller's own, ms. */
  readonly foreignOwnerMs: number;
}

export interface PickSettings {
  /** Providers within this of the best count as equal, ms. */
  readonly tieMs: number;
  /** One request in this many goes to a machine without evidence, if others have some. */
  readonly exploreOneIn: number;
  /** For this long after its last fault a machine with an open breaker is not probed early, ms. */
  readonly earlyProbeAfterMs: number;
}

export interface QueueSettings {
  /** Requests that may wait for one model at most. */
  readonly perModel: number;
  /** How long a request without an attempt so far may wait, ms. */
  readonly patienceMs: number;
  /** How often waiting requests are looked at again: some slots come free by time alone, without an event, ms. */
  readonly recheckMs: number;
  readonly retryAfterPerWaiterSeconds: number;
  readonly retryAfterMinSeconds: number;
  readonly retryAfterMaxSeconds: number;
}

export const DEFAULT_SELECTION: SelectionSettings = {
  gates: {
    // Grouped-query attention of a small model with an 8-bit cache. A low value, since more would exclude machines.
    cacheBytesPerToken: 65_536,
    queuedPromptTokens: 1_000,
  },
  // First figures, measured on Macs.
  score: {
    queueMs: 3_000,
    pendingMs: 750,
    decodeInterference: 0.27,
    memoryPressureMs: 4_000,
    cpuLoadMs: 1_500,
    gpuLoadMs: 5_000,
    thermalMs: { nominal: 0, fair: 2_000, serious: 8_000, critical: 8_000 },
    assumedDecodeTps: 30,
    foreignOwnerMs: 60_000,
  },
  // Differences up to the tie were found to be noise. The rest is chosen: docs/dispatch.md, rules 12 and 15.
  pick: { tieMs: 3_000, exploreOneIn: 16, earlyProbeAfterMs: 5_000 },
  // docs/dispatch.md, rule 14.
  queue: {
    perModel: 64,
    patienceMs: 120_000,
    recheckMs: 1_000,
    retryAfterPerWaiterSeconds: 3,
    retryAfterMinSeconds: 2,
    retryAfterMaxSeconds: 30,
  },
};
