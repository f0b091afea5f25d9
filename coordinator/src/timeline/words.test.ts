import { expect, it } from "vitest";
import type { AttemptFacts, AttemptResult, DispatchFacts, RequestFacts } from "./request-facts.js";
import { notTried, reasonOf } from "./words.js";

const failed = (code: string, changes: object = {}): AttemptResult =>
  ({ type: "failed", code, status: 502, afterContent: false, ...changes }) as AttemptResult;
const cancelled = (reason: string, moved = false): AttemptResult =>
  ({ type: "cancelled", reason, moved, completionTokens: 0 }) as AttemptResult;
const attempt = (result: AttemptResult | undefined, role = "primary", provider = "p"): AttemptFacts =>
  ({ result, role, provider, model: "m", estimateMs: 2_120 }) as AttemptFacts;

const dispatchOf = (attempts: readonly AttemptFacts[], changes: Partial<DispatchFacts> = {}): DispatchFacts =>
  ({ builds: ["m"], attempts, committed: false, ...changes }) as DispatchFacts;

const reasons = (...attempts: readonly AttemptFacts[]) => attempts.map((each) => reasonOf(each, dispatchOf(attempts)));

it("says why each attempt ended, and what came next", () => {
  const last = attempt({ type: "success", promptTokens: 1, completionTokens: 1 }, "retry", "q");
  expect(reasons(attempt(cancelled("deadline")), last)).toEqual([
    "No content within its estimate of 2.1 s; the next machine was asked.",
    null,
  ]);
  expect(reasons(attempt(failed("rejected", { status: 422 })), attempt(undefined, "retry"))).toEqual([
    "Its backend refused the request (status 422); the same machine was asked again.",
    null,
  ]);
  expect(reasons(attempt(failed("connection_lost", { afterContent: true })))).toEqual([
    "The connection to it was lost, after content had come.",
  ]);
  expect(reasons(attempt(cancelled("lost_race")), attempt(undefined, "backup"))).toEqual([
    "Another machine's content came first.",
    null,
  ]);
  expect(reasons(attempt(cancelled("deadline", true)))[0]).toMatch(/^No content by its deadline.*signs of life/);
});

const request = (outcome: string, dispatch: DispatchFacts, code?: string): RequestFacts =>
  ({ outcome, code, dispatch }) as RequestFacts;

it("says which fallbacks never ran, and why", () => {
  const builds = ["m", "n"];
  const one = [attempt(failed("backend_error"))];
  const winner = { provider: "p", model: "m" } as NonNullable<DispatchFacts["winner"]>;
  expect(notTried(request("success", dispatchOf(one, { builds, winner })))).toEqual([
    { model: "n", reason: "Not needed: m answered." },
  ]);
  expect(notTried(request("cancelled", dispatchOf(one, { builds }), "consumer_gone"))).toEqual([
    { model: "n", reason: "The consumer went away first." },
  ]);
  expect(notTried(request("failed", dispatchOf(one, { builds, committed: true })))[0]?.reason).toMatch(/^Too late/);
  expect(notTried(request("failed", dispatchOf(one, { unplaced: "All are busy." })))).toEqual([
    { model: "m", reason: "No other machine could take it: All are busy." },
  ]);
  expect(notTried(request("success", dispatchOf(one, { winner })))).toEqual([]);
});
