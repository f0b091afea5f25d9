import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { SlotGuard } from "./slot-guard.js";

const MACHINE = "p" as ProviderId;
const NOW = 1_000_000_000;

it("lets a request run on a token once", () => {
  const guard = new SlotGuard();
  expect(guard.use(MACHINE, 1, NOW)).toBe(true);
  expect(guard.use(MACHINE, 1, NOW)).toBe(false);
  expect(guard.use(MACHINE, 1, NOW + 1)).toBe(true);
});

it("takes tokens in any order, but none that is so old that its slot may be another's", () => {
  const guard = new SlotGuard();
  expect(guard.use(MACHINE, 1, NOW)).toBe(true);
  expect(guard.use(MACHINE, 1, NOW - 29_000_000)).toBe(true);
  expect(guard.use(MACHINE, 1, NOW - 30_000_001)).toBe(false);
});

it("begins anew with another connection, and counts each machine by itself", () => {
  const guard = new SlotGuard();
  guard.use(MACHINE, 1, NOW);
  expect(guard.use("q" as ProviderId, 1, NOW)).toBe(true);
  expect(guard.use(MACHINE, 2, NOW)).toBe(true);
});
