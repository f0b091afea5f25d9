import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { AttemptFailure } from "../dispatch/types.js";
import type { Verdict } from "../selection/pick-result.js";

/**
 * Rule 10: whose fault the failures of a request were. The failover is the experiment. Somebody who answered confirms the
 * failures of those who could not. Failures that are alike on two providers, and no answer, are the request's own.
 *
 * @param attempts all of a request that has ended
 */
export function judge(attempts: readonly SentAttempt[]): void {
  const answered = attempts.some(({ ending }) => ending?.end.type === "completed");
  const alike = answered ? new Set<string>() : likenesses(attempts);
  const builds = new Set(attempts.flatMap(({ ending, model }) => (ending?.end.type === "completed" ? [model] : [])));
  for (const sent of attempts) {
    const { lease, ending } = sent;
    if (ending !== undefined)
      lease.judge(verdictOf(sent, ending.end, { confirmed: answered, alike, builds }), ending.at);
  }
}

type End = NonNullable<SentAttempt["ending"]>["end"];

interface Experiment {
  /** Somebody answered. */
  readonly confirmed: boolean;
  readonly alike: ReadonlySet<string>;
  /** With which somebody answered. */
  readonly builds: ReadonlySet<string>;
}

function verdictOf({ expectation, model }: SentAttempt, end: End, experiment: Experiment): Verdict {
  const { confirmed, alike, builds } = experiment;
  switch (end.type) {
    case "completed":
      return "success";
    case "failed": {
      const { failure, afterContent } = end;
      if (failure.code === "rejected" && builds.has(model)) return "refused_alone";
      if (!failure.faulty || alike.has(likenessOf(failure))) return "neutral";
      return { confirmed, connectionLost: failure.code === "connection_lost", afterContent };
    }
    case "cancelled":
      if (end.reason === "stalled") return { confirmed, connectionLost: false, afterContent: true };
      // Nobody knows how long a machine takes of which nothing was measured: one that moves is not late.
      return end.reason === "deadline" && !(end.moved && expectation.byDefault) ? "late" : "neutral";
  }
}

/** What failed alike on two providers at least. */
function likenesses(attempts: readonly SentAttempt[]): ReadonlySet<string> {
  const seen = new Map<string, string>();
  const alike = new Set<string>();
  for (const { ending, provider } of attempts) {
    if (ending?.end.type !== "failed" || NEVER_ALIKE.has(ending.end.failure.code)) continue;
    const likeness = likenessOf(ending.end.failure);
    if (seen.has(likeness) && seen.get(likeness) !== provider) alike.add(likeness);
    seen.set(likeness, provider);
  }
  return alike;
}

/** A connection and a clock know nothing of the request. */
const NEVER_ALIKE: ReadonlySet<AttemptFailure["code"]> = new Set([
  "connection_lost",
  "timeout",
  "fell_silent",
  "load_timeout",
  "stalled",
]);

const likenessOf = ({ code, status }: AttemptFailure): string => `${code} ${status}`;
