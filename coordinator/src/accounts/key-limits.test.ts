import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { openAiErrorBody } from "../api/error-envelope.js";
import { HearthError } from "../platform/errors.js";
import { type Entered, KeyLimiter } from "./key-limits.js";
import type { Principal } from "./principal.js";
import { MemoryRateLimiter } from "./rate-limiter.js";

type Limits = Partial<Principal["limits"]>;

let clock: FakeClock;
let limiter: KeyLimiter;
let headers: Readonly<Record<string, string>>;
beforeEach(() => {
  clock = new FakeClock();
  limiter = new KeyLimiter(new MemoryRateLimiter(clock));
  headers = {};
});

async function enter(limits: Limits, tokens = 1, keyId = "key_1"): Promise<Entered> {
  const none = { requestsPerMinute: undefined, tokensPerMinute: undefined, concurrency: undefined, budget: undefined };
  const key = { keyId, account: "anna", limits: { ...none, accountConcurrency: undefined, ...limits } };
  return await limiter.enter(key, tokens, (told) => {
    headers = told;
  });
}

async function refusal(limits: Limits, tokens = 1, keyId = "key_1"): Promise<HearthError> {
  const error = await enter(limits, tokens, keyId).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HearthError)) throw new Error("it was let in");
  expect(error.code).toBe("rate_limit_exceeded");
  return error;
}

/** @returns the seconds after which to come back */
async function refused(limits: Limits, tokens = 1, keyId = "key_1"): Promise<number | undefined> {
  return (await refusal(limits, tokens, keyId)).details.retryAfterSeconds;
}

it("holds up nothing where a key has no limits", () => {
  const limits = {
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrency: undefined,
    accountConcurrency: undefined,
    budget: undefined,
  };
  expect(limiter.enter({ keyId: "k", account: "a", limits }, 1e9, () => {})).not.toBeInstanceOf(Promise);
});

it("says whose limit was reached, and which", async () => {
  for (const [limits, said, type] of [
    [{ concurrency: 1 }, "This API key is over its limit of 1 request at once.", "requests"],
    [{ accountConcurrency: 2 }, "This account is over its limit of 2 requests at once.", "requests"],
    [{ requestsPerMinute: 2 }, "This API key is over its limit of 2 requests a minute.", "requests"],
    [{ tokensPerMinute: 1 }, "This API key is over its limit of 1 token a minute.", "tokens"],
  ] satisfies [Limits, string, string][]) {
    limiter = new KeyLimiter(new MemoryRateLimiter(clock));
    const most = Object.values(limits).at(0) ?? 0;
    for (let n = 0; n < most; n++) await enter(limits);
    const error = await refusal(limits);
    expect(error.message).toBe(said);
    // As OpenAI tells the two apart.
    expect(openAiErrorBody(error).error.type).toBe(type);
  }
});

describe("so many at once", () => {
  it("is counted by key, and given back once", async () => {
    const first = await enter({ concurrency: 2 });
    await enter({ concurrency: 2 });
    expect(await refused({ concurrency: 2 })).toBe(1);
    await enter({ concurrency: 2 }, 1, "key_2");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await enter({ concurrency: 2 });
    await refused({ concurrency: 2 });
  });

  it("is counted by account over all its keys", async () => {
    const first = await enter({ accountConcurrency: 1 });
    await refused({ accountConcurrency: 1 }, 1, "key_2");
    first[Symbol.dispose]();
    await enter({ accountConcurrency: 1 }, 1, "key_2");
  });

  it("counts nothing of what a rate refuses", async () => {
    const limits = { concurrency: 2, requestsPerMinute: 1 };
    (await enter(limits))[Symbol.dispose]();
    await refused(limits);
    clock.advance(60_000);
    await enter(limits);
    clock.advance(60_000);
    await enter(limits);
  });
});

describe("tokens a minute", () => {
  it("are given back where a request has used none", async () => {
    const unused = await enter({ tokensPerMinute: 100 }, 100);
    await refused({ tokensPerMinute: 100 }, 1);
    unused[Symbol.dispose]();
    await enter({ tokensPerMinute: 100 }, 100);
  });

  it("are what a request came to, also beyond what it might", async () => {
    const few = await enter({ tokensPerMinute: 100 }, 100);
    few.used(10);
    few[Symbol.dispose]();
    const many = await enter({ tokensPerMinute: 100 }, 90);
    expect(headers["x-ratelimit-remaining-tokens"]).toBe("0");
    many.used(150);
    many[Symbol.dispose]();
    expect(await refused({ tokensPerMinute: 100 }, 1)).toBe(37);
  });

  it("are not taken by a request that the other limit refuses, nor is the request counted that they refuse", async () => {
    const limits = { requestsPerMinute: 2, tokensPerMinute: 100 };
    using first = await enter(limits, 60);
    await refused(limits, 60);
    expect(headers).toMatchObject({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "40" });
    await enter(limits, 40);
    await refused(limits, 0);
    first.used(60);
  });
});

it("tells how the limits stand as OpenAI does, also to whom it refuses", async () => {
  const limits = { requestsPerMinute: 1 };
  await enter(limits);
  expect(headers).toEqual({
    "x-ratelimit-limit-requests": "1",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "1m0s",
  });
  clock.advance(30_500);
  headers = {};
  expect(await refused(limits)).toBe(30);
  expect(headers).toMatchObject({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "29.5s" });
  clock.advance(29_499);
  await refused(limits);
  expect(headers).toMatchObject({ "x-ratelimit-reset-requests": "1ms" });
});
