import type { Gate } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { Contender, contendersOf } from "./contenders.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { gatesOf } from "./gate-set.js";
import { closedGates } from "./gates.js";
import type { Probe } from "./health.js";
import type { Expectation } from "./pick-result.js";
import { score, termsOf } from "./score.js";
import type { ScoreTerms } from "./score-terms.js";

/** One provider's evaluation for one request: all gates that are against it, and its score. */
export interface Evaluation {
  readonly provider: Provider;
  readonly gates: readonly Gate[];
  readonly total: number;
  /** The terms of the score; they add up to the total. */
  readonly terms: ScoreTerms;
  readonly expectation: Expectation;
  readonly probe: Probe;
}

/** Evaluates one provider. Pure: it claims, counts and explores nothing. */
export function evaluate(provider: Provider, context: EvaluationContext): Evaluation {
  const { traits, expecting, health } = context;
  const contender = new Contender(provider, traits.model, expecting);
  score(contender, context);
  const expectation = expecting.expect(provider, traits);
  return {
    provider,
    gates: gatesOf(closedGates(contender, context)),
    total: contender.total,
    terms: termsOf(contender, expectation.terms, context),
    expectation,
    probe: health.probe(provider, traits),
  };
}

/** Which providers may serve a request and which may not. Valid until the next survey of the same providers. */
export interface Survey {
  /** Scored. */
  readonly candidates: readonly Contender[];
  readonly rejected: readonly Contender[];
}

/** Evaluates all providers of a model, computing of each only what picking needs. */
export function survey(providers: readonly Provider[], context: EvaluationContext): Survey {
  const candidates: Contender[] = [];
  const rejected: Contender[] = [];
  for (const contender of contendersOf(providers, context)) {
    contender.gates = closedGates(contender, context);
    if (contender.gates !== 0) {
      rejected.push(contender);
      continue;
    }
    score(contender, context);
    candidates.push(contender);
  }
  return { candidates, rejected };
}
