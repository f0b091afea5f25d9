import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { Sessions } from "./sessions.js";

const LIMITS = { lastsMs: 900_000, most: 1_000 };

it("keeps no more sessions than it may, the oldest go first", () => {
  const sessions = new Sessions<number>(new FakeClock(), () => LIMITS);
  const ids = Array.from({ length: 1_001 }, (_, n) => sessions.open(n).id);
  expect(new Set(ids).size).toBe(1_001);
  expect(sessions.find(ids[0]!)).toBeUndefined();
  expect(sessions.find(ids[1]!)).toBe(1);
  expect(sessions.find(ids[1_000]!)).toBe(1_000);
});

it("ends one for good, and tells once what it was", () => {
  const sessions = new Sessions<string>(new FakeClock(), () => LIMITS, "hs-");
  const { id } = sessions.open("anna");
  expect(id).toMatch(/^hs-[\w-]{32}$/);
  expect(sessions.end(id)).toBe("anna");
  expect(sessions.end(id)).toBeUndefined();
  expect(sessions.find(id)).toBeUndefined();
});

it.each(["awake", "paused"])("ends when its time is over, also one in which we were %s", (state) => {
  const clock = new FakeClock();
  const sessions = new Sessions<string>(clock, () => LIMITS);
  const { id, expiresAtMs } = sessions.open("anna");
  expect(expiresAtMs).toBe(clock.wallTime() + LIMITS.lastsMs);
  const pass = (ms: number): void => (state === "awake" ? clock.advance(ms) : clock.pause(ms));
  pass(LIMITS.lastsMs - 1);
  expect(sessions.find(id)).toBe("anna");
  expect(sessions.endOf(id)).toBe(expiresAtMs);
  pass(1);
  expect(sessions.find(id)).toBeUndefined();
  expect(sessions.end(id)).toBeUndefined();
});
