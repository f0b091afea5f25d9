import { expect, it } from "vitest";
import { FakeClock } from "../../testing/fake-clock.js";
import { PageSessions } from "./page-sessions.js";

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
