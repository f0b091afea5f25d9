import type { Provider } from "../fleet/provider.js";
import type { Expectation } from "./pick-result.js";
import type { ExpectationTerms } from "./score-terms.js";
import type { Subject } from "./subject.js";
import type { Traits } from "./traits.js";

/** Predicts what each machine will need, from evidence. Asking changes nothing. */
export interface Expecting {
  /** How long the first content of a request will take there. */
  expect(
    provider: Provider,
    traits: Pick<Traits, "model" | "promptTokens">,
  ): Expectation & { readonly terms: ExpectationTerms };
  /** The predictions for one subject, to be kept between choices until its provider or `revision` changes. */
  forecast(subject: Subject): Forecast;
  /** Changes whenever evidence of a machine with this model, or a record of any machine, comes or goes. */
  revision(model: string): number;
  /**
   * The expected length of an answer: that of most answers of this model, and no more than its bound.
   *
   * @param bound the consumer's, tokens; `undefined` = none
   */
  expectedAnswerTokens(model: string, bound: number | undefined): number;
  /** What is held against this machine, over all of its models, ms: at least 0. */
  reputationMs(provider: Provider): number;
}

/** Predictions for one machine and model, as far as a choice needs them. */
export interface Forecast {
  /** `expectedMs` without waits in vain. */
  waitMs(promptTokens: number): number;
  /** The part of `expectedMs` that comes from waits in vain, ms. */
  censoredMs(promptTokens: number, now: number): number;
  /** Nothing was measured that the wait on this machine, in its state, rests on. */
  readonly isAssumed: boolean;
  reputationMs(now: number): number;
}
