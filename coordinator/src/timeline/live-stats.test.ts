import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { LiveStats } from "./live-stats.js";
import type { Timeline } from "./request-facts.js";

function setUp() {
  const clock = new FakeClock();
  const stats = new LiveStats(clock);
  const ended = (outcome: string, firstContentMs?: number, code?: string): void => {
    const dispatch = { completionTokens: 30, firstContentMs };
    stats.note({ facts: { outcome, code, dispatch } } as unknown as Timeline);
  };
  return { clock, stats, ended };
}

it("tells rates, quantiles and errors of the last minute, and of no more", () => {
  const { clock, stats, ended } = setUp();
  expect(stats.read()).toEqual({ requestsPerSecond: 0, tokensPerSecond: 0, ttftMs: undefined, errors: [] });
  clock.advance(120_000);
  for (let n = 1; n <= 100; n++) ended("success", n);
  for (let n = 0; n < 19; n++) ended("failed", undefined, "provider_error");
  ended("refused", undefined, "no_provider");
  expect(stats.read()).toEqual({
    requestsPerSecond: 2,
    tokensPerSecond: 60,
    ttftMs: { p50: 50, p95: 95, p99: 99 },
    errors: [
      { code: "provider_error", count: 19 },
      { code: "no_provider", count: 1 },
    ],
  });
  clock.advance(30_000);
  ended("success", 7);
  clock.advance(30_500);
  expect(stats.read()).toMatchObject({ requestsPerSecond: 1 / 60, ttftMs: { p50: 7, p99: 7 }, errors: [] });
});

it("tells of the time since its start, where that is less", () => {
  const { clock, stats, ended } = setUp();
  clock.advance(10_000);
  for (let n = 0; n < 10; n++) ended("success", 5);
  expect(stats.read().requestsPerSecond).toBe(1);
});

it("rests on the latest times, however many there are", () => {
  const { stats, ended } = setUp();
  for (let n = 0; n < 5_000; n++) ended("success", n);
  expect(stats.read().ttftMs?.p99).toBeGreaterThan(4_900);
});
