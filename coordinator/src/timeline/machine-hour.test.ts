import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { machineHour } from "./machine-hour.js";
import type { AttemptFacts, Timeline } from "./request-facts.js";

const attempt = (provider: string, result: object | undefined, total = 100, model = "m"): AttemptFacts =>
  ({
    provider,
    model,
    result,
    score: { total, terms: { connect: total / 2, prefill: total / 2 } },
  }) as unknown as AttemptFacts;
const request = (...attempts: readonly AttemptFacts[]): Timeline =>
  ({ atMs: 5, facts: { dispatch: { attempts } } }) as unknown as Timeline;

const SUCCESS = { type: "success" };
const LATE = { type: "cancelled", reason: "deadline" };

it("tells what a machine has had of the requests for its models, and what others were expected to cost", () => {
  const found = machineHour(
    [
      request(attempt("me", undefined)),
      request(attempt("me", SUCCESS)),
      request(attempt("me", LATE), attempt("other", SUCCESS, 200)),
      request(attempt("other", SUCCESS, 200)),
      request(attempt("other", { type: "failed" }, 400), attempt("me", { type: "failed" })),
      request(attempt("other", SUCCESS, 900, "not mine")),
      { facts: {} } as unknown as Timeline,
    ],
    { id: "me" as ProviderId, models: new Set(["m"]) },
  );
  expect(found).toMatchObject({ requests: 5, attempts: 4, answered: 1, failed: 1, late: 1, overtaken: 0 });
  expect(found.others).toEqual({ requests: 2, totalMs: 300, terms: { connect: 150, prefill: 150 } });
  expect(found.last?.attempt.result).toBeUndefined();
});

it("has nothing of others where there was none", () => {
  expect(machineHour([], { id: "me" as ProviderId, models: new Set(["m"]) })).toMatchObject({
    requests: 0,
    others: undefined,
    last: undefined,
  });
});
