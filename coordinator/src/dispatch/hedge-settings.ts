/** The numbers of hedging (`docs/dispatch.md`, rules 3 and 6). Read at each use. */
export interface HedgeSettings {
  /** What each request adds to the hedge budget of its model, in hedges … */
  readonly perPrimary: number;
  /** … which holds this many at most. */
  readonly burst: number;
  /** No hedge while more than this share of the model's slots is in use. */
  readonly maxSlotsUsed: number;
  /** No hedge while fewer than this share of the latest hedges have won … */
  readonly minWinRate: number;
  /** … of the latest this many … */
  readonly window: number;
  /** … once there were at least this many: fewer are no evidence … */
  readonly minEvidence: number;
  /** … except for one in this many, to find out whether that has changed. */
  readonly exploreEvery: number;
  /** A backup starts when this share of a model's first contents, for prompts of this size, would have come … */
  readonly delayQuantile: number;
  /** … once there are this many samples; before that, at half the estimate … */
  readonly delayFromSamples: number;
  /** … and never sooner than this, ms, so that it does not react to noise. */
  readonly leastDelayMs: number;
  /** Overtaking attempts: one at a time for each this many slots of the model. */
  readonly slotsPerOvertake: number;
}

/** The defaults. The window is no shorter because a percentile of fewer samples would be noise. */
export const DEFAULT_HEDGING: HedgeSettings = {
  perPrimary: 0.1,
  burst: 10,
  maxSlotsUsed: 0.8,
  minWinRate: 0.1,
  window: 64,
  minEvidence: 16,
  exploreEvery: 16,
  delayQuantile: 0.95,
  delayFromSamples: 20,
  leastDelayMs: 250,
  slotsPerOvertake: 4,
};
