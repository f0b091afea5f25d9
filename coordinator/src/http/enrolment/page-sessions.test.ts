import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { PageSessions, SESSION_SECONDS } from "./page-sessions.js";

it("keeps no more sessions than it may, the oldest go first", () => {
  const sessions = new PageSessions(new FakeClock());
  const ids = Array.from({ length: 1_001 }, (_, n) => sessions.open(`account ${n}`));
  expect(new Set(ids).size).toBe(1_001);
  expect(sessions.find(ids[0]!)).toBeUndefined();
  expect(sessions.find(ids[1]!)?.account).toBe("account 1");
  expect(sessions.find(ids[1_000]!)?.account).toBe("account 1000");
});

it("gives each session a mark of its own", () => {
  const sessions = new PageSessions(new FakeClock());
  const [first, second] = ["anna", "anna"].map((account) => sessions.find(sessions.open(account)));
  expect(first?.csrf).not.toBe(second?.csrf);
});

it.each(["awake", "paused"])("ends after a quarter of an hour, also one in which we were %s", (state) => {
  const clock = new FakeClock();
  const sessions = new PageSessions(clock);
  const id = sessions.open("anna");
  const pass = (ms: number): void => (state === "awake" ? clock.advance(ms) : clock.pause(ms));
  pass(SESSION_SECONDS * 1000 - 1);
  expect(sessions.find(id)).toBeDefined();
  pass(1);
  expect(sessions.find(id)).toBeUndefined();
});
