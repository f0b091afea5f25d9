import type { Gate } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { Contender, contendersOf } from "./contenders.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { gatesOf } from "./gate-set.js";
import { closedGates } from "./gates.js";
import type { Probe } from "./health.js";
import type { Expectation } from "./pick-result.js";
import { type ScoreTerms, score, termsOf } from "./score.js";

/** What selection thinks of one provider for one request: all gates that are against it, and what it would cost. */
export interface Evaluation {
  readonly provider: Provider;
  readonly gates: readonly Gate[];
  readonly total: number;
  /** They add up to the total. */
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

/** Who may serve a request, and who may not: good until the next survey of the same providers. */
export interface Survey {
  /** Scored. */
  readonly candidates: readonly Contender[];
  readonly rejected: readonly Contender[];
}

/** The same for all providers of a model, of each as little as picking needs. */
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
