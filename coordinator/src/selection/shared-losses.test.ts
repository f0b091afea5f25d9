import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { DEFAULT_BREAKER } from "./breaker-settings.js";
import { SharedLosses } from "./shared-losses.js";

const setUp = () => {
  const losses = new SharedLosses(() => DEFAULT_BREAKER);
  return { losses, lost: (id: string, at: number, connected: number) => losses.lost(id as ProviderId, at, connected) };
};

it("tells all losses of an outage as soon as they are over half of the fleet, and each later one of it", () => {
  const { losses, lost } = setUp();
  expect([lost("a", 10_000, 5), lost("b", 10_100, 4)]).toEqual([[], []]);
  expect(lost("c", 12_000, 3)).toEqual(["a", "b", "c"]);
  expect(lost("d", 14_000, 2)).toEqual(["d"]);
  expect([7_999, 8_000, 16_000, 16_001].map((at) => losses.covers(at))).toEqual([false, true, true, false]);
});

it("counts neither those that are further apart, nor one machine several times", () => {
  const { lost } = setUp();
  expect([lost("a", 10_000, 5), lost("b", 11_000, 4), lost("c", 12_001, 3)]).toEqual([[], [], []]);
  expect([lost("c", 12_100, 3), lost("c", 12_200, 3)]).toEqual([[], []]);
});

it("says nothing of half a fleet, or of fewer than three machines", () => {
  const { losses, lost } = setUp();
  expect([lost("a", 0, 6), lost("b", 0, 5), lost("c", 0, 4)]).toEqual([[], [], []]);
  expect([lost("a", 10_000, 2), lost("b", 10_000, 1)]).toEqual([[], []]);
  expect(losses.covers(10_000)).toBe(false);
});

it("is over when nobody new is lost for two seconds, however often somebody comes and goes", () => {
  const { losses, lost } = setUp();
  for (const id of ["a", "b", "c"]) lost(id, 10_000, 3);
  expect(lost("a", 11_500, 3)).toEqual([]);
  expect(lost("a", 13_000, 3)).toEqual([]);
  expect(lost("d", 13_500, 4)).toEqual([]);
  expect(losses.covers(13_000)).toBe(false);
});
