/** The terms that an expectation is the sum of, ms: finite and not negative. */
export interface ExpectationTerms {
  /** From sending the request to the start of work on it. */
  readonly connect: number;
  /** Loading the model. */
  readonly load: number;
  /** Work for other requests that comes first. */
  readonly ahead: number;
  /** Reading the prompt. */
  readonly prefill: number;
  /** Added because attempts have waited in vain. */
  readonly censored: number;
}

/** The terms of a score: what a request is expected to cost on a provider, ms each. */
export interface ScoreTerms extends ExpectationTerms {
  /** For requests that wait in its backend. */
  readonly queue: number;
  /** For our requests that run there. */
  readonly pending: number;
  /** Writing the answer. */
  readonly decode: number;
  readonly health: number;
  readonly reputation: number;
  /** For machines of other accounts, when the caller prefers its own. */
  readonly owner: number;
}

/** A provider's score for a request; lower is better. The terms add up to the total, and are logged with a decision. */
export interface Score {
  readonly total: number;
  readonly terms: ScoreTerms;
}
