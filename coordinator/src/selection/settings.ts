/** Every number of selection. Read at each use, so that an operator may change them while it runs. */
export interface SelectionSettings {
  readonly gates: GateSettings;
  readonly score: ScoreSettings;
  readonly pick: PickSettings;
  readonly queue: QueueSettings;
}

export interface GateSettings {
  /** Key-value cache that a token is taken to need where a model is still to be loaded, bytes. */
  readonly cacheBytesPerToken: number;
  /** Prompt that a request in a backend's own queue is taken to have, tokens. */
  readonly queuedPromptTokens: number;
}

export interface ScoreSettings {
  /** For each request that waits in the backend's own queue, ms. */
  readonly queueMs: number;
  /** For each request of ours that runs there, ms. */
  readonly pendingMs: number;
  /** Share of its rate that a machine loses to each request that runs beside. */
  readonly decodeInterference: number;
  /** At full use each, ms. */
  readonly memoryPressureMs: number;
  readonly cpuLoadMs: number;
  readonly gpuLoadMs: number;
  readonly thermalMs: Readonly<Record<"nominal" | "fair" | "serious" | "critical", number>>;
  /** Where no rate was observed and nothing is known to estimate one from, tokens a second. */
  readonly assumedDecodeTps: number;
  /** `prefer`: what a stranger's machine must be better by to beat the caller's own, ms. */
  readonly foreignOwnerMs: number;
}

export interface PickSettings {
  /** Providers within this of the best count as equal, ms. */
  readonly tieMs: number;
  /** One request in so many goes to a machine of which nothing is known yet, where others are known. */
  readonly exploreOneIn: number;
  /** A machine that is out is not tried for want of others before so long after its last fault, ms. */
  readonly earlyProbeAfterMs: number;
}

export interface QueueSettings {
  /** Waiters for one model at most. */
  readonly perModel: number;
  /** How long a request that nobody has tried yet may wait, ms. */
  readonly patienceMs: number;
  /** Some room comes with time alone (a cooldown or a disbelief ends, a backlog drains): nobody tells of it. */
  readonly recheckMs: number;
  readonly retryAfterPerWaiterSeconds: number;
  readonly retryAfterMinSeconds: number;
  readonly retryAfterMaxSeconds: number;
}

export const DEFAULT_SELECTION: SelectionSettings = {
  gates: {
    // Grouped-query attention of a small model, with a cache of 8 bits. Low, because it only ever keeps work away.
    cacheBytesPerToken: 65_536,
    queuedPromptTokens: 1_000,
  },
  // First figures: measurements of an earlier system on Macs.
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
  // The tie is what an earlier system found to be noise. The rest is chosen: docs/dispatch.md, rules 12 and 15.
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
