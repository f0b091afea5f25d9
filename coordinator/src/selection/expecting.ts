import type { Provider } from "../fleet/provider.js";
import type { Expectation } from "./pick-result.js";
import type { Subject } from "./subject.js";
import type { Traits } from "./traits.js";

/** What an expectation is made of, ms: finite, not negative, and the terms add up to it. */
export interface ExpectationTerms {
  /** Between sending a request and its being worked on. */
  readonly connect: number;
  /** Loading the model. */
  readonly load: number;
  /** Work that is there already. */
  readonly ahead: number;
  /** Reading the prompt. */
  readonly prefill: number;
  /** What attempts that ended without content say it takes beyond that. */
  readonly censored: number;
}

/** What each machine is expected to do, by what it has shown. Pure looks: nothing is remembered of them. */
export interface Expecting {
  /** How long a request's first content will take there. */
  expect(
    provider: Provider,
    traits: Pick<Traits, "model" | "promptTokens">,
  ): Expectation & { readonly terms: ExpectationTerms };
  /** What to ask of a subject at each choice. It counts until the subject's provider changes, or `revision` does. */
  forecast(subject: Subject): Forecast;
  /** Another number whenever a machine begins or ceases to be known as one that serves this model, or to have a record. */
  revision(model: string): number;
  /**
   * What an answer will come to: as much as most of this model's answers, and no more than its bound.
   *
   * @param bound the consumer's, tokens; `undefined` = none
   */
  expectedAnswerTokens(model: string, bound: number | undefined): number;
  /** What is held against this machine, over all of its models, ms: at least 0. */
  reputationMs(provider: Provider): number;
}

/** The same for all machines of a model in turn: only what there is to choose by. */
export interface Forecast {
  /** `expectedMs` without what was waited for in vain. */
  waitMs(promptTokens: number): number;
  /** What was waited for in vain by now, ms. */
  censoredMs(promptTokens: number, now: number): number;
  /** Nothing of a wait has been measured on this machine in its state. */
  readonly isAssumed: boolean;
  reputationMs(now: number): number;
}
