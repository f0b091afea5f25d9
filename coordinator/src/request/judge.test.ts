import type { CancelReason } from "@hearth/protocol";
import { expect, it } from "vitest";
import { CONNECTION_LOST, failureOfStatus } from "../dispatch/failures.js";
import type { AttemptEnding, SentAttempt } from "../dispatch/sent-attempt.js";
import type { AttemptFailure } from "../dispatch/types.js";
import type { Verdict } from "../selection/pick-result.js";
import { judge } from "./judge.js";

type End = AttemptEnding["end"];

const ANSWERED: End = { type: "completed", usage: { prompt_tokens: 1, completion_tokens: 1 } };
const failed = (failure: AttemptFailure): End => ({ type: "failed", failure, afterContent: false });
const cancelled = (reason: CancelReason): End => ({
  type: "cancelled",
  reason,
  progress: "not_started",
  generatedTokens: 0,
});

interface Ended {
  readonly end: End;
  /** Whose it was; absent = somebody's of whom the others know nothing. */
  readonly provider?: string;
  readonly byDefault?: boolean;
  readonly hasMoved?: boolean;
}

/** What is said of the provider of each attempt, in their order. */
function verdicts(...attempts: readonly Ended[]): readonly Verdict[] {
  const said: Verdict[] = [];
  const sent = attempts.map(({ end, provider, byDefault = false, hasMoved = false }, index) => ({
    ending: { end, at: index },
    provider: provider ?? `p${index}`,
    expectation: { byDefault },
    attempt: { hasMoved },
    lease: {
      judge: (verdict: Verdict, at: number) => {
        said[at] = verdict;
      },
    },
  }));
  judge(sent as unknown as readonly SentAttempt[]);
  return said;
}

const BROKEN = failed(failureOfStatus(500));
const fault = (confirmed: boolean, connectionLost = false): Verdict => ({ confirmed, connectionLost });

it("takes an answer for the proof that the others had failed by themselves", () => {
  expect(verdicts({ end: BROKEN }, { end: BROKEN }, { end: ANSWERED })).toEqual([fault(true), fault(true), "success"]);
  expect(verdicts({ end: BROKEN })).toEqual([fault(false)]);
});

it("blames nobody for what failed alike on two, but for what knows nothing of the request", () => {
  expect(verdicts({ end: BROKEN }, { end: BROKEN })).toEqual(["neutral", "neutral"]);
  expect(verdicts({ end: BROKEN, provider: "p" }, { end: BROKEN, provider: "p" })).toEqual([
    fault(false),
    fault(false),
  ]);
  const lost = failed(CONNECTION_LOST);
  expect(verdicts({ end: lost }, { end: lost })).toEqual([fault(false, true), fault(false, true)]);
});

it("calls late who passed its deadline, but not who moves and was only assumed to be faster", () => {
  const late = cancelled("deadline");
  expect(verdicts({ end: late }, { end: ANSWERED })).toEqual(["late", "success"]);
  expect(verdicts({ end: late, hasMoved: true })).toEqual(["late"]);
  expect(verdicts({ end: late, byDefault: true })).toEqual(["late"]);
  expect(verdicts({ end: late, byDefault: true, hasMoved: true })).toEqual(["neutral"]);
});

it("says nothing of who was cancelled for other reasons, and blames who fell silent behind content", () => {
  for (const reason of ["lost_race", "consumer_gone", "superseded", "shutdown"] as const) {
    expect(verdicts({ end: cancelled(reason), byDefault: true, hasMoved: true })).toEqual(["neutral"]);
  }
  expect(verdicts({ end: cancelled("stalled"), byDefault: true, hasMoved: true })).toEqual([fault(false)]);
});
