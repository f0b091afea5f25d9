import type { ProviderId } from "@hearth/protocol";
import type { ScoreTerms } from "../selection/score-terms.js";
import type { AttemptFacts, Timeline } from "./request-facts.js";

/** What became of the requests that a machine could have had, as far as they are remembered. */
export interface MachineHour {
  /** Requests for its models that were sent to some machine. */
  readonly requests: number;
  /** Attempts of them that it has had, and how they ended. */
  readonly attempts: number;
  readonly answered: number;
  readonly failed: number;
  /** It gave no content in time. */
  readonly late: number;
  /** Another machine's content came first. */
  readonly overtaken: number;
  /** Requests that others had first, and what these were expected to cost, ms: on average, by their scores. */
  readonly others: { readonly requests: number; readonly totalMs: number; readonly terms: ScoreTerms } | undefined;
  /** The latest that it has had an attempt of. */
  readonly last: { readonly atMs: number; readonly model: string; readonly attempt: AttemptFacts } | undefined;
}

/** Looks through what is remembered of requests for what one machine has had of them, and what others had. */
export function machineHour(
  timelines: Iterable<Timeline>,
  { id, models }: { readonly id: ProviderId; readonly models: ReadonlySet<string> },
): MachineHour {
  const counts = { requests: 0, attempts: 0, answered: 0, failed: 0, late: 0, overtaken: 0 };
  const others: AttemptFacts[] = [];
  let last: MachineHour["last"];
  for (const { atMs, facts } of timelines) {
    const attempts = facts.dispatch?.attempts ?? [];
    const [first] = attempts;
    if (first === undefined || !attempts.some(({ model }) => models.has(model))) continue;
    counts.requests += 1;
    if (first.provider !== id && models.has(first.model)) others.push(first);
    for (const attempt of attempts) {
      if (attempt.provider !== id) continue;
      last ??= { atMs, model: attempt.model, attempt };
      counts.attempts += 1;
      count(attempt, counts);
    }
  }
  return { ...counts, others: averageOf(others), last };
}

function count(
  { result }: AttemptFacts,
  counts: { answered: number; failed: number; late: number; overtaken: number },
): void {
  if (result?.type === "success") counts.answered += 1;
  if (result?.type === "failed") counts.failed += 1;
  if (result?.type !== "cancelled") return;
  if (result.reason === "deadline" || result.reason === "stalled") counts.late += 1;
  if (result.reason === "lost_race") counts.overtaken += 1;
}

function averageOf(attempts: readonly AttemptFacts[]): MachineHour["others"] {
  const [first] = attempts;
  if (first === undefined) return undefined;
  const mean = (of: (attempt: AttemptFacts) => number): number =>
    attempts.reduce((sum, each) => sum + of(each), 0) / attempts.length;
  const names = Object.keys(first.score.terms) as (keyof ScoreTerms)[];
  const terms = Object.fromEntries(names.map((name) => [name, mean(({ score }) => score.terms[name])]));
  return {
    requests: attempts.length,
    totalMs: mean(({ score }) => score.total),
    terms: terms as unknown as ScoreTerms,
  };
}
