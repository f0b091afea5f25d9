/** The numbers of the speculative race: `docs/dispatch.md`, rules 3 and 6. Read at each use. */
export interface HedgeSettings {
  /** Of a hedge, what each request adds to its model's budget … */
  readonly perPrimary: number;
  /** … which holds so many hedges at most. */
  readonly burst: number;
  /** None while more than this share of the slots that could serve the model is used. */
  readonly maxSlotsUsed: number;
  /** None while a smaller share of the latest hedges than this has won … */
  readonly minWinRate: number;
  /** … of so many, looking back … */
  readonly window: number;
  /** … and from so many on; fewer are no evidence … */
  readonly minEvidence: number;
  /** … but for one in so many, which finds out whether that has changed. */
  readonly exploreEvery: number;
  /** A backup starts when this share of a model's first contents, for prompts of this size, would have come … */
  readonly delayQuantile: number;
  /** … from so many samples on; before that at half the estimate … */
  readonly delayFromSamples: number;
  /** … and no sooner than this, ms: it would race noise. */
  readonly leastDelayMs: number;
  /** Beside attempts that move and take longer than was expected: one for so many slots of the model. */
  readonly slotsPerOvertake: number;
}

/** As the design has them, but for the window and what makes it evidence: a percentile of fewer would be noise. */
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
