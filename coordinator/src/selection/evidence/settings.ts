/** Everything about evidence that an operator may tune. */
export interface EvidenceSettings {
  /** The shortest estimate, ms. */
  readonly leastMs: number;
  /** What connecting and a backend's overhead are taken to cost before they are measured, ms. */
  readonly assumedConnectMs: number;
  /** Prompt rate when none is known and there is nothing to estimate it from, tokens a second. */
  readonly assumedPrefillTps: number;
  readonly assumedDecodeTps: number;
  /** Lower rates are taken for faults of counting, tokens a second. */
  readonly leastTps: number;
  /** Share of its rate that a machine loses to each other request that it runs. */
  readonly decodeInterference: number;
  /** How fast weights are loaded where no load was ever seen, bytes a second. */
  readonly loadBytesPerSecond: number;
  /** How long a model of unknown size takes to load, ms. */
  readonly assumedLoadMs: number;
  /** Time for loading on a machine that does not say whether the model is loaded, ms. */
  readonly unknownStateMs: number;
  /** Weight of the newest observation in an average. */
  readonly newestWeight: number;
  /** Prompts of fewer processed tokens are not used for the rate: they mostly measure overhead. */
  readonly rateFromTokens: number;
  /** In the average rate a prompt weighs no more than one of this many tokens. */
  readonly heaviestTokens: number;
  /** An attempt counts for the rate if waiting for others took no more than this share of its time. */
  readonly mostAheadShare: number;
  /** A prompt that took less than this share of its attempt's time is not used for the rate either. */
  readonly leastPromptShare: number;
  /** Most tokens that an attempt's own slot adds to those ahead on its machine, and that are subtracted again. */
  readonly ownPlaceTokens: number;
  /** Estimate ÷ expectation: before there is evidence, and its bounds afterwards. */
  readonly spread: { readonly before: number; readonly least: number; readonly most: number };
  /** Share of attempts that the estimate is to cover. */
  readonly spreadQuantile: number;
  /** How far one attempt moves the logarithm of the spread at most. */
  readonly spreadStep: number;
  /** If expected and observed time are both below this, the attempt does not count for the spread, ms. */
  readonly spreadFromMs: number;
  /** A wait in vain counts half as much after this, ms. */
  readonly censoredHalfLifeMs: number;
  /** Once faded to this share, it is forgotten. */
  readonly censoredGone: number;
  /** Bounds of the factor by which a wait in vain is converted to a prompt of another size. */
  readonly censoredScale: { readonly least: number; readonly most: number };
  /** Expected length of an answer before there is evidence, tokens. */
  readonly assumedAnswerTokens: number;
  /** The expected length of an answer is this quantile of the model's answers. */
  readonly answerQuantile: number;
  /** Answers of a model from which on their lengths count as evidence. */
  readonly leastAnswers: number;
  /** Machine × model pairs kept, and models; the longest unused are dropped first. */
  readonly maxPairs: number;
  readonly maxModels: number;
}

/** The defaults. */
export const DEFAULT_EVIDENCE: EvidenceSettings = {
  // docs/dispatch.md, rule 3.
  leastMs: 10_000,
  // A round trip is nothing beside the shortest estimate, and equal for all machines without evidence.
  assumedConnectMs: 0,
  // docs/dispatch.md, rule 3: an assumption. A slower machine shows by its signs of life that it works.
  assumedPrefillTps: 500,
  // An assumption, as in the table of the score.
  assumedDecodeTps: 30,
  // Slower than one token in ten seconds is a fault of counting, not a rate.
  leastTps: 0.1,
  // Measured on Macs.
  decodeInterference: 0.27,
  // The slowest disks of Apple silicon Macs (M2 with 256 GB) were measured at about half of the M1's 2.9 GB/s.
  loadBytesPerSecond: 1.5e9,
  // Measured on Macs: 20 s for a model that was unloaded, 2.5 s where the state was not known.
  assumedLoadMs: 20_000,
  unknownStateMs: 2_500,
  // About the last ten observations, as in the agent's own averages.
  newestWeight: 0.2,
  // Some ten milliseconds of work on a Mac: less than what a backend's overhead varies by.
  rateFromTokens: 64,
  // A usual chunk of prefill is 512 to 2,048 tokens; of longer prompts two chunks tell as much as a hundred.
  heaviestTokens: 4_096,
  mostAheadShare: 0.5,
  leastPromptShare: 0.5,
  // What `fleet/leased-slots.ts` counts for one slot.
  ownPlaceTokens: 512,
  // Two runs differ by half at least; a machine that takes six times as long is no longer the one that was measured.
  spread: { before: 2, least: 1.5, most: 6 },
  spreadQuantile: 0.95,
  // One attempt over the spread raises it by a third, twenty within it lower it by as much.
  spreadStep: 0.3,
  // Below a second there is mostly noise, and no estimate is as short.
  spreadFromMs: 1_000,
  // Long enough for other requests to go elsewhere, short enough to notice soon that the machine has recovered.
  censoredHalfLifeMs: 60_000,
  // Four half-lives.
  censoredGone: 1 / 16,
  // A machine that hangs does so for small prompts too, and a small prompt says little about a very long one.
  censoredScale: { least: 0.25, most: 4 },
  // Most answers end long before their bound.
  assumedAnswerTokens: 256,
  answerQuantile: 0.95,
  // The 95th percentile of fewer is meaningless.
  leastAnswers: 20,
  // 5,000 machines with four models each.
  maxPairs: 20_000,
  // A kilobyte each.
  maxModels: 2_048,
};
