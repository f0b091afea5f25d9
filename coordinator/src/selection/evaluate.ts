import type { Gate } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { closedGates, type GateSet, gatesOf, type Subject, subjectOf } from "./gates.js";
import type { Probe } from "./health.js";
import type { Expectation } from "./pick-result.js";
import { type Candidate, type ScoreTerms, score, termsOf } from "./score.js";

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
  const subject = subjectOf(provider, context.traits.model);
  const candidate = score(subject, context);
  const { total, expectation } = candidate;
  const gates = gatesOf(closedGates(subject, context));
  const probe = context.health.probe(provider, context.traits);
  return { provider, gates, total, terms: termsOf(candidate, context), expectation, probe };
}

/** A provider that may not serve, with the gates that are against it. */
export interface Rejected extends Subject {
  readonly gates: GateSet;
}

/** Who may serve a request, and who may not. */
export interface Survey {
  readonly candidates: readonly Candidate[];
  readonly rejected: readonly Rejected[];
}

/** The same for all providers of a model, of each as little as picking needs. */
export function survey(providers: Iterable<Provider>, context: EvaluationContext): Survey {
  const { model } = context.traits;
  const candidates: Candidate[] = [];
  const rejected: Rejected[] = [];
  for (const provider of providers) {
    const subject = subjectOf(provider, model);
    const gates = closedGates(subject, context);
    if (gates === 0) candidates.push(score(subject, context));
    else rejected.push({ ...subject, gates });
  }
  return { candidates, rejected };
}
