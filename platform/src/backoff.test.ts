import { describe, expect, it } from "vitest";
import { BACKOFF, Backoff } from "./backoff.js";

describe("backoff", () => {
  it("doubles its bound from one second to a minute, and stays there", () => {
    const backoff = new Backoff({ next: () => 1 });
    const bounds = Array.from({ length: 9 }, () => backoff.next());
    expect(bounds).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
  });

  it("is anything between nothing and the bound", () => {
    const backoff = new Backoff({ next: () => 0 });
    expect([backoff.next(), backoff.next()]).toEqual([0, 0]);
    const half = new Backoff({ next: () => 0.5 });
    expect([half.next(), half.next()]).toEqual([500, 1_000]);
  });

  it("starts small again after a success, and never overflows", () => {
    const backoff = new Backoff({ next: () => 1 });
    for (let i = 0; i < 5_000; i++) backoff.next();
    expect(backoff.next()).toBe(BACKOFF.maxMs);
    backoff.reset();
    expect(backoff.next()).toBe(BACKOFF.firstMs);
  });
});
