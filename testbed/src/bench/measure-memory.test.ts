import { describe, expect, it } from "vitest";
import { memorySample } from "./measure-memory.js";

/** Resident memory that swings by 20 MB as the heap is collected, and grows by `perRequest` bytes. */
function swinging(perRequest: number): { x: number; y: number }[] {
  return Array.from({ length: 50 }, (_, index) => {
    const x = (index + 1) * 2_000;
    return { x, y: 140e6 + 20e6 * ((index % 4) / 4) + perRequest * x };
  });
}

describe("memory over many requests", () => {
  it("that only swings is flat", () => {
    expect(memorySample(swinging(0)).growth).toBeCloseTo(1, 1);
  });

  it("that grows with each request shows, in spite of the swings", () => {
    const leaking = memorySample(swinging(1_000));
    expect(leaking.growth).toBeGreaterThan(1.3);
    expect(leaking.slopeBytes).toBeGreaterThan(800);
    expect(leaking.slopeBytes).toBeLessThan(1_200);
  });

  it("does not count what a young process grows at first", () => {
    const points = swinging(0).map((point, index) => (index < 10 ? { ...point, y: point.y / 2 } : point));
    expect(memorySample(points).growth).toBeCloseTo(1, 1);
  });

  it("counts the requests of the last point", () => {
    expect(memorySample(swinging(0)).requests).toBe(100_000);
  });
});
