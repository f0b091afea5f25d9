import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import type { RequestUsage } from "../store/usage-store.js";
import { RefusedUsage } from "./refused-usage.js";

let clock: FakeClock;
let kept: RequestUsage[];
let lost: number;
let refused: RefusedUsage;

beforeEach(() => {
  clock = new FakeClock();
  kept = [];
  lost = 0;
  refused = new RefusedUsage({
    clock,
    keep: (usage) => void kept.push(usage),
    lost: () => {
      lost += 1;
    },
  });
});

const usage = (requestId: string, given: Partial<RequestUsage> = {}): RequestUsage => ({
  ...{ requestId, atMs: 1_000, account: "anna", keyId: "key_1", modelAsked: "m", model: "", providerId: "" },
  ...{ outcome: "refused", requests: 1, dialect: "responses", endpoint: "/v1/responses", endUser: "", tags: {} },
  ...{ promptTokens: 0, cachedTokens: 0, completionTokens: 0, estimated: false, costMicroUsd: 0, durationMs: 1 },
  ...{ firstContentMs: undefined, facts: "{}" },
  ...given,
});
const told = () => kept.map(({ requestId, requests }) => [requestId, requests]);

it("keeps the first by itself, and a flood of others as one when the minute is over", () => {
  refused.add(usage("a"), "rate_limit_exceeded");
  expect(told()).toEqual([["a", 1]]);
  for (let n = 0; n < 100_000; n++) refused.add(usage(`b${n}`), "rate_limit_exceeded");
  expect(told()).toEqual([["a", 1]]);
  clock.advance(60_000);
  expect(told()).toEqual([
    ["a", 1],
    ["b0", 100_000],
  ]);
  expect(clock.pending).toBe(0);
  refused.add(usage("c"), "rate_limit_exceeded");
  expect(told()).toHaveLength(3);
});

it("counts each key and each reason by itself, and ends each minute with its own", () => {
  for (const id of ["a", "b", "c"]) refused.add(usage(id), "rate_limit_exceeded");
  clock.advance(30_000);
  for (const id of ["d", "e"]) refused.add(usage(id), "no_provider");
  for (const id of ["f", "g"]) refused.add(usage(id, { keyId: "key_2" }), "no_provider");
  expect(told().map(([id]) => id)).toEqual(["a", "d", "f"]);
  clock.advance(30_000);
  expect(told().slice(3)).toEqual([["b", 2]]);
  clock.advance(30_000);
  expect(told().slice(4)).toEqual([
    ["e", 1],
    ["g", 1],
  ]);
});

it("says nothing of that in which those that it counts differ", () => {
  refused.add(usage("a"), "no_provider");
  refused.add(usage("b", { endUser: "usr_1" }), "no_provider");
  refused.add(usage("c", { endUser: "usr_2", endpoint: "/v1/responses/compact" }), "no_provider");
  refused.stop();
  expect(kept[1]).toMatchObject({ modelAsked: "m", dialect: "responses", endUser: "", endpoint: "", requests: 2 });
});

it("keeps at the end what it has counted, and leaves no timer", () => {
  for (const id of ["a", "b", "c"]) refused.add(usage(id), "no_provider");
  refused.stop();
  expect(told()).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  expect(clock.pending).toBe(0);
});

it("forgets what it has counted for an account, and for no other", () => {
  for (const id of ["a", "b"]) refused.add(usage(id), "no_provider");
  for (const id of ["c", "d"]) refused.add(usage(id, { account: "ben", keyId: "key_2" }), "no_provider");
  refused.forget("anna");
  refused.stop();
  expect(told().map(([id]) => id)).toEqual(["a", "c", "d"]);
});

it("counts as lost what it has no room to count", () => {
  for (let n = 0; n < 10_001; n++) refused.add(usage(`a${n}`, { keyId: `key_${n}` }), "no_provider");
  expect([kept.length, lost]).toEqual([10_000, 1]);
});
