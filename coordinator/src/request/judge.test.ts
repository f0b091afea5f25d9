import { describe, expect, it } from "vitest";
import { failureOfStatus } from "../dispatch/failures.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { AttemptFailure, FailureCode } from "../dispatch/types.js";
import type { Verdict } from "../selection/pick-result.js";
import { judge } from "./judge.js";

type End = NonNullable<SentAttempt["ending"]>["end"];

const ANSWERED: End = { type: "completed", usage: { prompt_tokens: 1, completion_tokens: 1 } };
const failed = (failure: AttemptFailure): End => ({ type: "failed", failure, afterContent: false });
const fault = (code: FailureCode, status = 502): End =>
  failed({ code, progress: "processed", retryable: true, faulty: true, status });
const cancelled = (reason: Extract<End, { type: "cancelled" }>["reason"], moved = false): End => ({
  type: "cancelled",
  reason,
  progress: "not_started",
  moved,
  generatedTokens: 0,
});

interface Tried {
  readonly end: End | undefined;
  readonly provider?: string;
  readonly model?: string;
  /** Nothing of its machine was measured. */
  readonly byDefault?: boolean;
}

/** What is said of each attempt of a request; they are on providers of their own where none is named. */
function verdicts(...attempts: readonly (End | Tried)[]): (Verdict | undefined)[] {
  const said: (Verdict | undefined)[] = attempts.map(() => undefined);
  const sent = attempts.map((given, index) => {
    const tried: Tried = "end" in given ? given : { end: given };
    return {
      provider: tried.provider ?? `p${index}`,
      model: tried.model ?? "m",
      expectation: { expectedMs: 1, estimateMs: 1, byDefault: tried.byDefault === true },
      ending: tried.end && { end: tried.end, at: index },
      lease: {
        judge(verdict: Verdict, at: number) {
          expect([said[index], at]).toEqual([undefined, index]);
          said[index] = verdict;
        },
      },
    };
  });
  judge(sent as unknown as SentAttempt[]);
  return said;
}

const CONFIRMED = { confirmed: true, connectionLost: false, afterContent: false };
const UNCONFIRMED = { confirmed: false, connectionLost: false, afterContent: false };

describe("whose fault failures are", () => {
  it("confirms all of them by one answer, alike or not", () => {
    expect(verdicts(fault("backend_error"), fault("backend_error"), ANSWERED)).toEqual([
      CONFIRMED,
      CONFIRMED,
      "success",
    ]);
    expect(verdicts(fault("truncated"), ANSWERED)).toEqual([CONFIRMED, "success"]);
  });

  it("leaves them unconfirmed where nobody answers", () => {
    expect(verdicts(fault("backend_error"), fault("truncated"))).toEqual([UNCONFIRMED, UNCONFIRMED]);
  });

  it("calls those nobody's that are alike on two providers, and only those", () => {
    expect(verdicts(fault("backend_error"), fault("truncated"), fault("backend_error"))).toEqual([
      "neutral",
      UNCONFIRMED,
      "neutral",
    ]);
  });

  it("calls failures unlike that differ in their status", () => {
    expect(verdicts(fault("backend_error", 500), fault("backend_error", 502))).toEqual([UNCONFIRMED, UNCONFIRMED]);
  });

  it("calls no failures alike that one provider has had twice", () => {
    const twice = { end: fault("backend_error"), provider: "p" };
    expect(verdicts(twice, twice)).toEqual([UNCONFIRMED, UNCONFIRMED]);
    expect(verdicts(twice, twice, fault("backend_error"))).toEqual(["neutral", "neutral", "neutral"]);
  });

  it.each(["timeout", "fell_silent", "load_timeout", "stalled"] as const)("never calls two of %s alike", (code) => {
    expect(verdicts(fault(code, 504), fault(code, 504))).toEqual([UNCONFIRMED, UNCONFIRMED]);
  });

  it("tells a lost connection from other faults, and never calls two alike", () => {
    const lost = { ...UNCONFIRMED, connectionLost: true };
    expect(verdicts(fault("connection_lost"), fault("connection_lost"))).toEqual([lost, lost]);
    expect(verdicts(fault("connection_lost"), ANSWERED)).toEqual([{ ...lost, confirmed: true }, "success"]);
  });

  it("blames nobody for what is no fault, whoever answers", () => {
    const refusals = [failed(failureOfStatus(429)), failed(failureOfStatus(503))];
    expect(verdicts(...refusals, ANSWERED)).toEqual(["neutral", "neutral", "success"]);
  });
});

describe("whose fault a cancel is", () => {
  it.each(["lost_race", "superseded", "consumer_gone", "shutdown"] as const)("is nobody's for %s", (reason) => {
    expect(verdicts(cancelled(reason), ANSWERED)).toEqual(["neutral", "success"]);
  });

  it("is lateness where its own deadline has passed", () => {
    expect(verdicts(cancelled("deadline"), ANSWERED)).toEqual(["late", "success"]);
    expect(verdicts(cancelled("deadline", true))).toEqual(["late"]);
  });

  it("is none of one that moved, where nobody knew how long its machine takes", () => {
    expect(verdicts({ end: cancelled("deadline", true), byDefault: true })).toEqual(["neutral"]);
    expect(verdicts({ end: cancelled("deadline", false), byDefault: true })).toEqual(["late"]);
  });

  it("is a fault where it fell silent behind its beginning", () => {
    expect(verdicts(cancelled("stalled"))).toEqual([{ ...UNCONFIRMED, afterContent: true }]);
    expect(verdicts(cancelled("stalled"), ANSWERED)).toEqual([{ ...CONFIRMED, afterContent: true }, "success"]);
  });
});

it("says nothing of an attempt that goes on", () => {
  expect(verdicts({ end: undefined }, ANSWERED)).toEqual([undefined, "success"]);
});

it("tells a refusal of what another machine did with the same build from one that is the request's own", () => {
  const refused = failed(failureOfStatus(400));
  expect(verdicts(refused, ANSWERED)).toEqual(["refused_alone", "success"]);
  expect(verdicts(refused, { end: ANSWERED, model: "another" })).toEqual(["neutral", "success"]);
  expect(verdicts(refused)).toEqual(["neutral"]);
  expect(verdicts(failed(failureOfStatus(429)), ANSWERED)).toEqual(["neutral", "success"]);
});

it("says whether content had come", () => {
  const cut = fault("truncated");
  const afterContent = cut.type === "failed" && { ...cut, afterContent: true };
  expect(verdicts(...(afterContent ? [afterContent] : []))).toEqual([{ ...UNCONFIRMED, afterContent: true }]);
});
