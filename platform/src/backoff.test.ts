import { describe, expect, it } from "vitest";
import { BACKOFF, Backoff } from "./backoff.js";
import { seededRng } from "./rng.js";

/** How long after its coordinator was lost a machine is back that finds nobody for so long, ms. */
function backAfter(backoff: Backoff, absenceMs: number): number {
  let now = 0;
  while (now < absenceMs) now += backoff.next();
  return now;
}

describe("backoff", () => {
  it("may wait a second at first, then as long as it has waited and a second more, and never over a minute", () => {
    const backoff = new Backoff({ next: () => 1 });
    const bounds = Array.from({ length: 9 }, () => backoff.next());
    expect(bounds).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
  });

  it("is anything between nothing and the bound", () => {
    const backoff = new Backoff({ next: () => 0 });
    expect([backoff.next(), backoff.next()]).toEqual([0, 0]);
    const half = new Backoff({ next: () => 0.5 });
    expect([half.next(), half.next(), half.next()]).toEqual([500, 750, 1_125]);
  });

  it("has a whole fleet back soon after an absence, whatever it draws, in few dials", () => {
    const rng = seededRng(7);
    let dials = 0;
    const counting = {
      next: (): number => {
        dials += 1;
        return rng.next();
      },
    };
    for (const absenceMs of [500, 4_000, 20_000]) {
      const back = Array.from({ length: 5_000 }, () => backAfter(new Backoff(counting), absenceMs));
      expect(Math.max(...back)).toBeLessThanOrEqual(2 * absenceMs + BACKOFF.firstMs);
    }
    expect(dials / 15_000).toBeLessThan(7);
  });

  it("starts small again after a success, and never overflows", () => {
    const backoff = new Backoff({ next: () => 1 });
    for (let i = 0; i < 5_000; i++) backoff.next();
    expect(backoff.next()).toBe(BACKOFF.maxMs);
    backoff.reset();
    expect(backoff.next()).toBe(BACKOFF.firstMs);
  });
});
