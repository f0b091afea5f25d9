import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryRateLimiter } from "./rate-limiter.js";

const LIMIT = { name: "key_1 requests", perMinute: 60 };

it("lets a minute's worth through at once, then one for each that has passed", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  for (let n = 59; n >= 0; n--) expect(limiter.take(LIMIT, 1)).toMatchObject({ allowed: true, remaining: n });
  expect(limiter.take(LIMIT, 1)).toEqual({ allowed: false, remaining: 0, resetMs: 60_000, retryMs: 1_000 });
  clock.advance(999);
  expect(limiter.take(LIMIT, 1).allowed).toBe(false);
  clock.advance(1);
  expect(limiter.take(LIMIT, 1).allowed).toBe(true);
  expect(limiter.take(LIMIT, 1).allowed).toBe(false);
});

it("takes nothing of what it refuses, and counts each limit by itself", () => {
  const limiter = new MemoryRateLimiter(new FakeClock());
  expect(limiter.take(LIMIT, 59).allowed).toBe(true);
  expect(limiter.take(LIMIT, 2)).toMatchObject({ allowed: false, remaining: 1 });
  expect(limiter.take(LIMIT, 1).allowed).toBe(true);
  expect(limiter.take({ ...LIMIT, name: "key_2 requests" }, 60).allowed).toBe(true);
});

it("lets what is larger than the limit through when nothing else was taken", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  expect(limiter.take(LIMIT, 1_000).allowed).toBe(true);
  expect(limiter.take(LIMIT, 1).allowed).toBe(false);
  clock.advance(60_000);
  expect(limiter.take(LIMIT, 1_000).allowed).toBe(true);
});

it("gives back what was not needed, and takes what was needed beside", () => {
  const limiter = new MemoryRateLimiter(new FakeClock());
  limiter.take(LIMIT, 60);
  limiter.giveBack(LIMIT, 10);
  expect(limiter.take(LIMIT, 10)).toMatchObject({ allowed: true, remaining: 0 });
  limiter.giveBack(LIMIT, -30);
  expect(limiter.take(LIMIT, 1).retryMs).toBeCloseTo(31_000);
});

it("lets no more through in any stretch of time than a minute's worth and what passes meanwhile", () => {
  const asked = fc.record({ afterMs: fc.nat(20_000), cost: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(asked, { maxLength: 60 }), (perMinute, requests) => {
      const clock = new FakeClock();
      const limiter = new MemoryRateLimiter(clock);
      const passed: { at: number; cost: number }[] = [];
      for (const { afterMs, cost } of requests) {
        clock.advance(afterMs);
        const capped = Math.min(cost, perMinute);
        const { allowed, retryMs } = limiter.take({ name: "k", perMinute }, cost);
        if (allowed) passed.push({ at: clock.now(), cost: capped });
        else expect(retryMs).toBeGreaterThan(0);
      }
      for (const [n, { at: from }] of passed.entries()) {
        let sum = 0;
        for (const { at, cost } of passed.slice(n)) {
          sum += cost;
          expect(sum).toBeLessThanOrEqual(perMinute + ((at - from) * perMinute) / 60_000 + 1e-3);
        }
      }
    }),
  );
});

it("refuses nobody for longer than it says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), (perMinute, cost) => {
      const clock = new FakeClock();
      const limiter = new MemoryRateLimiter(clock);
      const limit = { name: "k", perMinute };
      limiter.take(limit, perMinute);
      const { retryMs } = limiter.take(limit, cost);
      clock.advance(Math.ceil(retryMs));
      expect(limiter.take(limit, cost).allowed).toBe(true);
    }),
  );
});
