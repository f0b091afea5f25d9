import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryRateLimiter, type Taken } from "./rate-limiter.js";

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

function take(limiter: MemoryRateLimiter, cost: number, limit = LIMIT): Taken {
  const standing = limiter.take(limit, cost);
  if (!standing.allowed) throw new Error(`refused for ${standing.retryMs} ms`);
  return standing.taken;
}

it("gives back what was not needed, and takes what was needed beside", () => {
  const limiter = new MemoryRateLimiter(new FakeClock());
  take(limiter, 60).cameTo(50);
  const last = limiter.take(LIMIT, 10);
  expect(last).toMatchObject({ allowed: true, remaining: 0 });
  if (last.allowed) last.taken.cameTo(40);
  expect(limiter.take(LIMIT, 1)).toMatchObject({ retryMs: expect.closeTo(31_000) });
});

it("gives back once, and nothing that time has given back", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  const long = take(limiter, 60);
  clock.advance(60_000);
  take(limiter, 60).cameTo(60);
  long.cameTo(0);
  expect(limiter.take(LIMIT, 1).allowed).toBe(false);
  clock.advance(60_000);
  const short = take(limiter, 60);
  short.cameTo(30);
  short.cameTo(0);
  expect(limiter.take(LIMIT, 31).allowed).toBe(false);
  expect(limiter.take(LIMIT, 30).allowed).toBe(true);
});

it("takes what was needed beside however late it is told", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  const long = take(limiter, 1);
  clock.advance(600_000);
  long.cameTo(61);
  expect(limiter.take(LIMIT, 1)).toMatchObject({ allowed: false, remaining: 0 });
});

it("gives back what those behind in the line did not need, while those before run on", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  const all = Array.from({ length: 10 }, () => take(limiter, 6));
  clock.advance(30_000);
  for (const one of all) one.cameTo(1);
  // Half of the minute is over, and nearly all of what the other half would have brought was not needed.
  expect(limiter.take(LIMIT, 54).allowed).toBe(true);
});

it("moves those up that came later, and gives back nothing of them that has passed", () => {
  const clock = new FakeClock();
  const limiter = new MemoryRateLimiter(clock);
  const [first, second] = [take(limiter, 30), take(limiter, 30)];
  first.cameTo(0);
  clock.advance(30_000);
  take(limiter, 60);
  second.cameTo(0);
  expect(limiter.take(LIMIT, 1).allowed).toBe(false);
});

it("lets no more through in any stretch of time than a minute's worth and what passes meanwhile", () => {
  const asked = fc.record({
    afterMs: fc.nat(20_000),
    cost: fc.integer({ min: 1, max: 40 }),
    // Which of those that run ends meanwhile, and how much of it was needed.
    ends: fc.option(fc.record({ nth: fc.nat(60), needed: fc.double({ min: 0, max: 1, noNaN: true }) })),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(asked, { maxLength: 60 }), (perMinute, requests) => {
      const clock = new FakeClock();
      const limiter = new MemoryRateLimiter(clock);
      const passed: { readonly at: number; cost: number; taken: Taken | undefined }[] = [];
      const inTime = (): void => {
        for (const [n, { at: from }] of passed.entries()) {
          let sum = 0;
          for (const { at, cost } of passed.slice(n)) {
            sum += cost;
            expect(sum).toBeLessThanOrEqual(perMinute + ((at - from) * perMinute) / 60_000 + 1e-3);
          }
        }
      };
      for (const { afterMs, cost, ends } of requests) {
        clock.advance(afterMs);
        const ending = ends === null ? undefined : passed[ends.nth];
        if (ending?.taken !== undefined && ends !== null) {
          ending.cost *= ends.needed;
          ending.taken.cameTo(ending.cost);
          ending.taken = undefined;
        }
        const standing = limiter.take({ name: "k", perMinute }, cost);
        if (standing.allowed) passed.push({ at: clock.now(), cost: Math.min(cost, perMinute), taken: standing.taken });
        else expect(standing.retryMs).toBeGreaterThan(0);
        inTime();
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
      const refused = limiter.take(limit, cost);
      if (refused.allowed) throw new Error("nothing was left");
      clock.advance(Math.ceil(refused.retryMs));
      expect(limiter.take(limit, cost).allowed).toBe(true);
    }),
  );
});
