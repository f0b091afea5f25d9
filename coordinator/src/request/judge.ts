import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { AttemptFailure } from "../dispatch/types.js";
import type { Verdict } from "../selection/pick-result.js";

/**
 * Rule 10: decides whose fault the failures of a request were. An answer by one provider confirms the failures of the
 * others as theirs. If nobody answered and two providers failed alike, the request itself is at fault.
 *
 * @param attempts all attempts of a request that has ended
 */
export function judge(attempts: readonly SentAttempt[]): void {
  const isSmooth = attempts.every(({ ending }) => ending?.end.type === "completed");
  if (isSmooth) return succeeded(attempts);
  const answered = attempts.some(({ ending }) => ending?.end.type === "completed");
  const alike = answered ? new Set<string>() : likenesses(attempts);
  const builds = new Set(attempts.flatMap(({ ending, model }) => (ending?.end.type === "completed" ? [model] : [])));
  for (const sent of attempts) {
    const { lease, ending } = sent;
    if (ending !== undefined)
      lease.judge(verdictOf(sent, ending.end, { confirmed: answered, alike, builds }), ending.at);
  }
}

/** Most requests: nothing is to be compared. */
function succeeded(attempts: readonly SentAttempt[]): void {
  for (const { lease, ending } of attempts) if (ending !== undefined) lease.judge("success", ending.at);
}

type End = NonNullable<SentAttempt["ending"]>["end"];

interface Experiment {
  /** A provider answered. */
  readonly confirmed: boolean;
  readonly alike: ReadonlySet<string>;
  /** The builds with which a provider answered. */
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
      // The estimate for a machine without measurements is a guess: with signs of life it was not late.
      return end.reason === "deadline" && !(end.moved && expectation.byDefault) ? "late" : "neutral";
  }
}

/** The failures that at least two providers had alike. */
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

/** Failures of connections and clocks, which the request cannot have caused. */
const NEVER_ALIKE: ReadonlySet<AttemptFailure["code"]> = new Set([
  "connection_lost",
  "timeout",
  "fell_silent",
  "load_timeout",
  "stalled",
]);

const likenessOf = ({ code, status }: AttemptFailure): string => `${code} ${status}`;
