/** Everything about evidence that an operator may tune. */
export interface EvidenceSettings {
  /** The shortest estimate, ms. */
  readonly leastMs: number;
  /** What connecting and a backend's overhead are taken to cost before they are measured, ms. */
  readonly assumedConnectMs: number;
  /** Where no rate is known and nothing to estimate one from, tokens a second. */
  readonly assumedPrefillTps: number;
  readonly assumedDecodeTps: number;
  /** No rate is believed to be lower than this, tokens a second. */
  readonly leastTps: number;
  /** Share of its rate that a machine loses to each request that runs beside. */
  readonly decodeInterference: number;
  /** How fast weights are read where nobody has seen a model loaded, bytes a second. */
  readonly loadBytesPerSecond: number;
  /** How long a model takes to load of which not even the size is known, ms. */
  readonly assumedLoadMs: number;
  /** What it may still take to load a model on a machine that does not say whether it is loaded, ms. */
  readonly unknownStateMs: number;
  /** Weight of the newest observation in an average. */
  readonly newestWeight: number;
  /** A prompt of which fewer tokens were processed tells of overhead, not of the rate. */
  readonly rateFromTokens: number;
  /** A prompt weighs no more than one of so many tokens in the average rate. */
  readonly heaviestTokens: number;
  /** What others were in front of may be this share of an attempt's time for it to tell of its prompt. */
  readonly mostAheadShare: number;
  /** A prompt that took less than this share of its attempt's time tells of overhead, too. */
  readonly leastPromptShare: number;
  /** Tokens that the place of an attempt itself adds to those ahead on its machine, at most. */
  readonly ownPlaceTokens: number;
  /** How many times what is expected an estimate allows before evidence, and whatever has been seen. */
  readonly spread: { readonly before: number; readonly least: number; readonly most: number };
  /** Share of the attempts that the spread is to cover. */
  readonly spreadQuantile: number;
  /** How far one attempt may move the logarithm of the spread. */
  readonly spreadStep: number;
  /** Where both what was expected and what came are under this, ms, they tell nothing of the spread. */
  readonly spreadFromMs: number;
  /** What was waited for in vain counts half as much after this, ms. */
  readonly censoredHalfLifeMs: number;
  /** Under this share of what it was, it is gone. */
  readonly censoredGone: number;
  /** What was waited in vain for one prompt counts for one of another size so many times, at the least and most. */
  readonly censoredScale: { readonly least: number; readonly most: number };
  /** What an answer is expected to come to before there is evidence, tokens. */
  readonly assumedAnswerTokens: number;
  /** Share of a model's answers that are no longer than what is expected. */
  readonly answerQuantile: number;
  /** Answers of a model before their lengths count as evidence. */
  readonly leastAnswers: number;
  /** Machine × model pairs kept, and models; the longest unused go first. */
  readonly maxPairs: number;
  readonly maxModels: number;
}

/** The values before anybody has measured anything. */
export const DEFAULT_EVIDENCE: EvidenceSettings = {
  // docs/dispatch.md, rule 3.
  leastMs: 10_000,
  // A round trip is nothing beside the estimate's least, and the same for every machine of which nothing is known.
  assumedConnectMs: 0,
  // docs/dispatch.md, rule 3: an assumption; what is slower shows by its signs of life.
  assumedPrefillTps: 500,
  // An assumption, as in the table of the score.
  assumedDecodeTps: 30,
  // Slower than one token in ten seconds is a fault of counting, not a rate.
  leastTps: 0.1,
  // Measured on Macs of an earlier system.
  decodeInterference: 0.27,
  // The slowest disks of Apple silicon Macs (M2 with 256 GB) were measured at about half of the M1's 2.9 GB/s.
  loadBytesPerSecond: 1.5e9,
  // Measured on Macs of an earlier system: 20 s for a model that was put aside, 2.5 s where the state was not known.
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
  // What `fleet/places.ts` counts for one place.
  ownPlaceTokens: 512,
  // Half of what is expected again is the least that varies between two runs; at six times it is another machine.
  spread: { before: 2, least: 1.5, most: 6 },
  spreadQuantile: 0.95,
  // One attempt over the spread raises it by a third, twenty within it lower it by as much.
  spreadStep: 0.3,
  // Under a second it is noise that is measured, and no estimate is as short.
  spreadFromMs: 1_000,
  // A minute: long enough for others to be served elsewhere, short enough to notice that the machine is well again.
  censoredHalfLifeMs: 60_000,
  // Four half-lives.
  censoredGone: 1 / 16,
  // A machine that hangs hangs for small prompts too, and a small prompt says little of a hundred times as large a one.
  censoredScale: { least: 0.25, most: 4 },
  // Most answers end long before their bound.
  assumedAnswerTokens: 256,
  answerQuantile: 0.95,
  // Fewer know nothing of a 95th percentile.
  leastAnswers: 20,
  // 5,000 machines with four models each.
  maxPairs: 20_000,
  // A kilobyte each.
  maxModels: 2_048,
};
