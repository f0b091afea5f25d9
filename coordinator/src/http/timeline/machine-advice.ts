import { GATE_WORDS } from "@hearth/protocol";
import type { ExplainedModel } from "../../selection/explain.js";
import type { ScoreTerms } from "../../selection/score-terms.js";

/** What each term of a score is for, in words. */
const TERMS: Readonly<Record<keyof ScoreTerms, string>> = {
  connect: "the way to it",
  load: "loading the model",
  ahead: "work that comes first",
  prefill: "reading the prompt",
  censored: "attempts that waited in vain",
  queue: "requests that wait in its backend",
  pending: "requests that run there",
  decode: "writing the answer",
  health: "the load and heat of the machine",
  reputation: "its record",
  owner: "callers who prefer their own machines",
};

/** One line on each of its models: what stops it, or who goes before it and why. Its owner reads it. */
export function machineAdvice(models: readonly ExplainedModel[]): readonly string[] {
  if (models.length === 0) return ["It offers no model. Its owner has to offer one."];
  return models.map((each) => `${each.model}: ${lineOn(each)}`);
}

function lineOn({ gates: [gate], rank, able, total, bestTotal, terms }: ExplainedModel): string {
  if (gate !== undefined) return `it ${GATE_WORDS[gate].now}. ${GATE_WORDS[gate].remedy}`;
  if (rank === undefined || rank === 1) return `nothing is against it, and of ${able} it is the first choice.`;
  const [dearest] = Object.entries(terms).sort(([, one], [, other]) => other - one) as [keyof ScoreTerms, number][];
  const most = dearest === undefined ? "" : `, most of it for ${TERMS[dearest[0]]} (${seconds(dearest[1])})`;
  return `it could serve, and ${rank - 1} of ${able} go before it: its score is ${seconds(total)}${most}; the best is ${seconds(bestTotal)}.`;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
