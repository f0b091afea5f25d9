import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { KeyLimiter } from "../accounts/key-limits.js";
import { MemoryRateLimiter } from "../accounts/rate-limiter.js";
import { ENDPOINTS } from "../api/endpoints.js";
import { answerHeaders } from "../request/answer-headers.js";
import { listedRoutes } from "../testing/listed-routes.js";
import { fakeRecord, fakeSent } from "../testing/request-fakes.js";
import { EXPOSED_HEADERS } from "./cors.js";

it("lets a page read every header that tells of an answer", () => {
  const link = { id: "p", trust: "none", hardware: { chip: "M4" }, agentVersion: "1.0.0", proven: {} };
  const winner = fakeSent({ link, attempt: { startedAt: 0 }, times: { routeMs: 0, encryptMs: 0, dispatchMs: 0 } });
  const { record } = fakeRecord();
  expect(EXPOSED_HEADERS).toEqual(expect.arrayContaining(Object.keys(answerHeaders(record, winner, 0))));
});

it("stands before every route that takes inference requests", () => {
  const before = (path: string): number => listedRoutes().router.match("OPTIONS", path)[0].length;
  // Only what stands before all methods of a path is there for this one: the refusal of other methods is the second.
  for (const { path } of ENDPOINTS) expect({ path, handlers: before(path) }).toEqual({ path, handlers: 2 });
});

it("lets a page read how its key's limits stand", async () => {
  const limiter = new KeyLimiter(new MemoryRateLimiter(new FakeClock()));
  const limits = { requestsPerMinute: 5, tokensPerMinute: 5, concurrency: undefined, budget: undefined };
  const headers: string[] = [];
  const key = { keyId: "k", account: "anna", limits } as unknown as Parameters<KeyLimiter["enter"]>[0];
  await limiter.enter(key, 1, (told) => headers.push(...Object.keys(told)));
  expect(headers).toHaveLength(6);
  expect(EXPOSED_HEADERS).toEqual(expect.arrayContaining(headers));
});
