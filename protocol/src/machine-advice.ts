import type { HeartbeatAckFrame, RuntimeMismatch } from "./coordinator-frames.js";
import { type Eligibility, SCORE_TERMS, type ScoreTerm } from "./eligibility.js";
import { GATE_WORDS } from "./gate-words.js";
import { GATES } from "./gates.js";

/** What each term of a score is for, in words. */
const TERM_WORDS: Readonly<Record<ScoreTerm, string>> = {
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

/** One line on each model of a machine: what stops it and what would change that, or who goes before it and why. */
export function machineAdvice(models: readonly Eligibility[]): readonly string[] {
  if (models.length === 0) return ["It offers no model. Its owner has to offer one."];
  return models.map((each) => `${each.model}: ${lineOn(each)}`);
}

function lineOn({ gates: [first], score }: Eligibility): string {
  if (first !== undefined) {
    const gate = GATES.find((each) => each === first);
    return gate === undefined
      ? `it is stopped by ${first}, which a newer program than this one can explain.`
      : `it ${GATE_WORDS[gate].now}. ${GATE_WORDS[gate].remedy}`;
  }
  if (score === undefined) return "nothing is against it.";
  const { rank, able, total_ms, best_ms, term, term_ms = 0 } = score;
  if (rank <= 1) return `nothing is against it, and of ${able} it is the first choice.`;
  const known = SCORE_TERMS.find((each) => each === term);
  const most =
    known === undefined ? "" : `; most of the difference is for ${TERM_WORDS[known]} (${seconds(term_ms)} more)`;
  const before = `${rank - 1} of ${able} ${rank === 2 ? "goes" : "go"} before it`;
  return `it could serve, and ${before}: its score is ${seconds(total_ms)}, the best is ${seconds(best_ms)}${most}.`;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 1_000 ? 2 : 1)} s`;

/** Why others were chosen, and how often: losing first, then the gates, the most frequent first. */
export function missedWords({ lost, rejected }: Pick<HeartbeatAckFrame, "lost" | "rejected">): readonly string[] {
  const reasons = GATES.flatMap((gate) => (rejected[gate] === undefined ? [] : [{ gate, times: rejected[gate] }]));
  reasons.sort((a, b) => b.times - a.times);
  const lines = reasons.map(({ gate, times }) => `${times} × it ${GATE_WORDS[gate].past}`);
  return lost > 0 ? [`${lost} × another machine was quicker or less busy`, ...lines] : lines;
}

/** It may be shown on a terminal. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?");

const COMPONENT_WORDS = {
  binary: "Its program",
  template: "The chat template",
  weights: "The weights",
} as const;

/** Hexadecimal digits that tell one hash from another for a person. */
const SHOWN_DIGITS = 12;

/** What of a machine the operator does not list, in words. */
export function mismatchWords({ component, model, expected, actual }: RuntimeMismatch): string {
  const listed = expected.map((each) => printable(each.replace(/^>=/, "").slice(0, SHOWN_DIGITS))).join(", ");
  const has = actual === undefined ? "no hash here" : `the hash ${printable(actual.slice(0, SHOWN_DIGITS))} here`;
  if (component === "version") {
    return `It runs version ${printable(actual ?? "unknown")}, and the operator asks for at least ${listed}.`;
  }
  const what =
    model === undefined ? COMPONENT_WORDS[component] : `${COMPONENT_WORDS[component]} of ${printable(model)}`;
  const verb = component === "weights" ? "have" : "has";
  return `${what} ${verb} ${has}, and the operator lists ${listed}.`;
}
