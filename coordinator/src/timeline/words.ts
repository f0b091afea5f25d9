import type { CancelReason } from "@hearth/protocol";
import type { FailureCode } from "../dispatch/types.js";
import type { AttemptFacts, DispatchFacts, RequestFacts } from "./request-facts.js";

/** What went wrong on a machine, in words. Each code has its own. */
const FAILURES: Readonly<Record<FailureCode, string>> = {
  backend_error: "Its backend answered with an error",
  backend_unreachable: "Its backend could not be reached",
  capacity: "It was full",
  rejected: "Its backend refused the request",
  connection_lost: "The connection to it was lost",
  protocol_violation: "It sent what it must not send",
  truncated: "Its answer ended before it was complete",
  timeout: "It did not begin to answer in time",
  fell_silent: "It began to answer and fell silent",
  load_timeout: "It was still loading the model when the time was up",
  no_room: "It had no room in time",
  stalled: "Its content stopped coming",
  internal: "The coordinator failed to handle what it sent",
};

/** Why an attempt was called off, but for lateness, which is told with its time. */
const CANCELS: Readonly<Record<Exclude<CancelReason, "deadline">, string>> = {
  consumer_gone: "The consumer went away",
  lost_race: "Another machine's content came first",
  stalled: "It was silent for too long",
  shutdown: "The coordinator was stopping",
  superseded: "It was no longer needed",
};

/** @returns why an attempt ended without the answer, and what came next; `null` = it gave the answer, or it runs */
export function reasonOf(attempt: AttemptFacts, { attempts }: Pick<DispatchFacts, "attempts">): string | null {
  const why = whyItEnded(attempt);
  return why === undefined ? null : `${why}${next(attempt, attempts)}.`;
}

function whyItEnded({ result, estimateMs }: AttemptFacts): string | undefined {
  switch (result?.type) {
    case undefined:
    case "success":
      return undefined;
    case "failed": {
      // Of all others the status is what they amount to here, not what was said.
      const status = result.code === "rejected" ? ` (status ${result.status})` : "";
      return `${FAILURES[result.code]}${status}${result.afterContent ? ", after content had come" : ""}`;
    }
    case "cancelled":
      if (result.reason !== "deadline") return CANCELS[result.reason];
      return result.moved
        ? `No content by its deadline, although it showed signs of life (estimate: ${seconds(estimateMs)})`
        : `No content within its estimate of ${seconds(estimateMs)}`;
  }
}

/** The attempt that was made in its place; a backup was there for another reason. */
function next(attempt: AttemptFacts, attempts: readonly AttemptFacts[]): string {
  if (!movesOn(attempt)) return "";
  const after = attempts.slice(attempts.indexOf(attempt) + 1).find(({ role }) => role === "retry");
  if (after === undefined) return "";
  return after.provider === attempt.provider ? "; the same machine was asked again" : "; the next machine was asked";
}

function movesOn({ result }: AttemptFacts): boolean {
  if (result?.type === "failed") return true;
  return result?.type === "cancelled" && (result.reason === "deadline" || result.reason === "stalled");
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** A fallback that never ran: a build of the plan, or, where there is no such build, another machine of the last one. */
export interface NotTried {
  readonly model: string;
  readonly reason: string;
}

/** Which fallbacks never ran, and why. */
export function notTried(facts: RequestFacts): readonly NotTried[] {
  const { dispatch } = facts;
  if (dispatch === undefined) return [];
  const { builds, attempts, unplaced } = dispatch;
  const tried = new Set(attempts.map(({ model }) => model));
  const reason = whyNotTried(facts, dispatch);
  const left = builds.filter((build) => !tried.has(build)).map((model) => ({ model, reason }));
  const last = attempts.at(-1);
  if (left.length > 0 || last === undefined || facts.outcome !== "failed" || unplaced === undefined) return left;
  return [{ model: last.model, reason: `No other machine could take it: ${unplaced}` }];
}

function whyNotTried({ outcome, code }: RequestFacts, { winner, committed, unplaced }: DispatchFacts): string {
  switch (outcome) {
    case "success":
      return `Not needed: ${winner?.model ?? "another build"} answered.`;
    case "running":
      return "Not needed so far.";
    case "refused":
    case "cancelled":
      return code === "shutdown" ? "The coordinator was stopping." : "The consumer went away first.";
    case "failed":
      if (committed) return "Too late: after its first content an answer cannot be replaced.";
      if (code === "request_rejected") return "The request itself was refused, which no other build changes.";
      return unplaced === undefined
        ? "No more attempts or time were left for it."
        : `Nobody could take it: ${unplaced}`;
  }
}
